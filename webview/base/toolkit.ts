/** @file The only module that knows @vscode/webview-ui-toolkit: registers the controls that the page uses. */

import {
  TextArea,
  TextField,
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeTextArea,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';

/** Defines `vscode-button`, `vscode-checkbox`, `vscode-dropdown`, `vscode-option`, `vscode-text-area` and `vscode-text-field`. */
export function registerToolkit(): void {
  keepName(TextArea.prototype);
  keepName(TextField.prototype);
  provideVSCodeDesignSystem().register(
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeTextArea(),
    vsCodeTextField(),
  );
}

/** Once connected these call themselves "Text field" and the like, whatever name they were given. */
function keepName(control: HTMLElement & { connectedCallback: (this: HTMLElement) => void }): void {
  const connected = control.connectedCallback;
  control.connectedCallback = function (): void {
    const name = this.getAttribute('aria-label');
    connected.call(this);
    if (name !== null) this.setAttribute('aria-label', name);
  };
}
