/** @file The page's frame: head, tabs, notices, the view that scrolls. */

import { css } from 'lit';

export const appStyles = css`
  :host {
    display: grid;
    grid-template: auto auto auto minmax(0, 1fr) / minmax(0, 1fr);
    height: 100vh;
    overflow: hidden;
  }
  nav {
    border-bottom: 1px solid var(--rule);
  }
  [role='tablist'] {
    display: flex;
    gap: 24px;
    padding: 0 16px;
    overflow-x: auto;
    scrollbar-width: none;
  }
  nav button {
    height: 36px;
    padding: 0;
    border: 0;
    border-top: 1px solid transparent;
    border-bottom: 1px solid transparent;
    background: none;
    color: var(--vscode-panelTitle-inactiveForeground);
    cursor: pointer;
    text-align: left;
    white-space: nowrap;
  }
  nav button:hover {
    color: var(--vscode-panelTitle-activeForeground);
  }
  /* Around the words, which fill the button from side to side. */
  nav button:focus-visible {
    outline: none;
  }
  nav button:focus-visible span {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: 4px;
  }
  nav button[aria-selected='true'] {
    border-bottom-color: var(--vscode-panelTitle-activeBorder);
    color: var(--vscode-panelTitle-activeForeground);
    font-weight: 600;
  }
  /* As wide as in bold, so that choosing a tab moves nothing. */
  nav span {
    display: grid;
  }
  nav span::after {
    content: attr(data-title);
    height: 0;
    overflow: hidden;
    font-weight: 600;
    visibility: hidden;
  }
  main {
    grid-row: 4;
    min-height: 0;
    overflow: auto;
  }
  #view {
    height: 100%;
  }
  .notices {
    display: grid;
    gap: 8px;
    padding: 8px 16px;
  }
  .notices:empty {
    display: none;
  }
  .notice {
    display: grid;
    grid-template-columns: 16px minmax(0, 1fr);
    gap: 8px;
    padding: 8px 12px;
    border: 1px solid var(--rule);
    border-radius: 2px;
    overflow-wrap: anywhere;
  }
  .notice .icon {
    margin-top: 2px;
  }
  .notice.error {
    border-color: var(--vscode-inputValidation-errorBorder);
    background: var(--vscode-inputValidation-errorBackground);
  }
  .notice.warning {
    border-color: var(--vscode-inputValidation-warningBorder);
    background: var(--vscode-inputValidation-warningBackground);
  }
  .notice ul {
    display: grid;
    gap: 4px;
    margin: 4px 0 0;
    padding: 0;
    list-style: none;
  }
  .notice details {
    min-width: 0;
  }
  .notice summary {
    overflow: hidden;
    cursor: pointer;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .notice [open] .latest {
    display: none;
  }
  .empty {
    display: grid;
    grid-row: 1 / -1;
    place-content: center;
    justify-items: center;
    gap: 12px;
    height: 100vh;
    padding: 16px;
    text-align: center;
  }
  .empty p {
    max-width: 340px;
  }
  .ways {
    display: flex;
    flex-wrap: wrap;
    justify-content: center;
    gap: 8px;
  }
  /* Where the tabs' content would have no room below them, as zoomed to 200 %, all of the page scrolls. */
  @media (max-height: 440px), (max-width: 640px) and (max-height: 640px) {
    :host {
      display: block;
      overflow: auto;
    }
    main {
      overflow: visible;
    }
    #view {
      height: auto;
    }
  }
  @media (max-width: 640px) {
    [role='tablist'] {
      gap: 16px;
      padding: 0 12px;
    }
    nav button {
      height: 32px;
    }
    .notices {
      padding: 8px 12px;
    }
  }
`;
