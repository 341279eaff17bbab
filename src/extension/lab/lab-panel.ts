/** @file The Lab panel, on the editor's side: one panel that shows one run at a time and survives a reload. */

import { commands, l10n, Uri, ViewColumn, window, workspace, type Disposable, type WebviewPanel } from 'vscode';
import { existsSync } from 'node:fs';
import { trashedPath } from '../../run-directory/run-trash';
import type { RunListing } from '../../protocol/lab-data';
import type { LabMethod, RunMethod } from '../../protocol/lab-requests';
import type { HostMessage, LabLocation } from '../../protocol/panel';
import { answerRequest, handle, isPageRequest, type Handlers, type PageRequest } from '../../protocol/request-line';
import { attempt } from '../base/commands';
import type { ModelServer } from '../models/model-server';
import type { ListedRun, RunList } from '../runs/run-list';
import { runLabel } from '../runs/run-words';
import { labPage, pageRoot } from './lab-page';
import { LabSession } from './lab-session';
import { resolveLocation } from './dataset-file';
import { saveFile } from './save-file';
import { errorInEditorWords } from '../base/problem-words';

const viewType = 'distillery.lab';

export class LabPanel implements Disposable {
  readonly #disposables: Disposable[];
  #panel: WebviewPanel | undefined;
  #run: ListedRun | undefined;
  #session: LabSession | undefined;
  /** The run that was shown until it was deleted: where it comes back, it is shown again. */
  #deleted: ListedRun | undefined;
  /** Where the page is to be led once it shows the run. */
  #location: LabLocation | undefined;
  /** From the page's `ready` until it is hidden. */
  #pageListens = false;
  /** The list of runs that the page has, as text. */
  #toldRuns = '';

  /** What the page asks without a run. */
  readonly #handlers: Handlers<Exclude<LabMethod, RunMethod>> = {
    ready: () => this.#begin(),
    createSample: () => attempt('distillery.createSampleWorkspace'),
    newExperiment: () => attempt('distillery.newExperiment'),
    manageTrust: async () => {
      await commands.executeCommand('workbench.trust.manage');
    },
    chooseRun: () => attempt('distillery.openLab'),
    showRun: ({ run }) => attempt('distillery.openLab', run),
    restore: () => attempt('distillery.restoreRun', this.#deleted && trashedPath(this.#deleted.paths.directory)),
    save: ({ name, content }) => saveFile(this.#run?.paths.directory ?? '', name, content),
  };

  constructor(
    private readonly runs: RunList,
    private readonly models: ModelServer,
    private readonly extensionUri: Uri,
  ) {
    this.#disposables = [
      window.registerWebviewPanelSerializer(viewType, {
        deserializeWebviewPanel: (panel, state) => this.#restore(panel, state),
      }),
      runs.onDidChange(() => this.#update()),
      workspace.onDidGrantWorkspaceTrust(() => this.#post({ type: 'trust', trusted: true })),
    ];
  }

  /**
   * Shows a run, and of it the place that is meant, or without a run what can be done to get one. There is one panel.
   * @param preserveFocus for who goes through a list and looks
   */
  open(run: ListedRun | undefined, location?: LabLocation, preserveFocus = false): void {
    this.#location = location;
    if (!this.#panel) {
      const options = { enableScripts: true, localResourceRoots: [pageRoot(this.extensionUri)] };
      this.#adopt(window.createWebviewPanel(viewType, '', { viewColumn: ViewColumn.Active, preserveFocus }, options));
    }
    this.#panel!.reveal(undefined, preserveFocus);
    if (this.#run?.paths.directory !== run?.paths.directory || !run) this.#choose(run);
    else if (this.#pageListens) this.#showLocation();
  }

  /** Leads the page to where the person was sent, once. */
  #showLocation(): void {
    const [run, location] = [this.#run, this.#location];
    this.#location = undefined;
    if (run && location)
      void this.#orTell(
        resolveLocation(run.paths, location).then((resolved) => this.#post({ type: 'location', location: resolved })),
      );
  }

  /** Whether the person can see this run in the Lab now. */
  isShown(id: string): boolean {
    return this.#panel?.visible === true && this.#run?.paths.id === id;
  }

  async #restore(panel: WebviewPanel, state: unknown): Promise<void> {
    if (this.#panel) {
      panel.dispose();
      return;
    }
    this.#adopt(panel);
    await this.runs.ready();
    const id = keptId(state);
    // A window that is reloaded at once has kept no state yet: then the newest run is the one that was looked at.
    this.#choose(id === undefined ? this.runs.runs[0] : this.runs.find(id));
  }

  #adopt(panel: WebviewPanel): void {
    this.#panel = panel;
    panel.iconPath = { light: this.#media('lab-light.svg'), dark: this.#media('lab-dark.svg') };
    panel.title = title(this.#run);
    // A hidden page is taken down; when it is shown again it starts anew and says `ready`.
    panel.onDidChangeViewState(() => {
      if (!panel.visible) this.#pageGone();
    });
    panel.onDidDispose(() => {
      this.#pageGone();
      this.#panel = undefined;
      this.#run = undefined;
      this.#deleted = undefined;
    });
    panel.webview.onDidReceiveMessage((message: unknown) => {
      if (!isPageRequest(message)) return;
      void answerRequest(
        message,
        (tell) => this.#answer(message, tell),
        (answer) => this.#post(answer),
        errorInEditorWords,
      );
    });
    panel.webview.html = labPage(panel.webview, this.extensionUri);
  }

  #choose(run: ListedRun | undefined): void {
    this.#run = run;
    this.#deleted = undefined;
    if (this.#panel) this.#panel.title = title(run);
    if (this.#pageListens) this.#startSession();
  }

  #begin(): void {
    this.#pageListens = true;
    this.#toldRuns = '';
    this.#post({ type: 'trust', trusted: workspace.isTrusted });
    this.#tellRuns();
    this.#startSession();
  }

  #answer(request: PageRequest, tell: (value: unknown) => void): unknown {
    if (!isAboutRun(request)) return handle(this.#handlers, request, tell);
    // The page may still speak of the run that it showed a moment ago.
    if (!this.#session || this.#run?.paths.id !== request.params.id) {
      throw new Error(l10n.t('This run is not shown any more.'));
    }
    return handle(this.#session.handlers, request, tell);
  }

  #startSession(): void {
    this.#stopSession();
    const run = this.#run;
    if (!run) {
      this.#post({ type: 'empty', deleted: this.#deleted?.record.name });
      return;
    }
    const session = new LabSession(run, this.runs, this.models, (message) => this.#post(message));
    this.#session = session;
    void this.#orTell(session.start().then(() => this.#showLocation()));
  }

  #pageGone(): void {
    this.#pageListens = false;
    this.#stopSession();
  }

  #stopSession(): void {
    this.#session?.dispose();
    this.#session = undefined;
  }

  #update(): void {
    if (this.#pageListens) this.#tellRuns();
    const wanted = this.#run ?? this.#deleted;
    const now = wanted && this.runs.find(wanted.paths.id);
    if (now && !this.#run) this.#choose(now);
    if (!now) {
      // Replaced in one step, its record is never gone while the run is there.
      if (this.#run && !existsSync(this.#run.paths.record)) this.#forget(this.#run);
      return;
    }
    this.#run = now;
    this.#session?.update();
  }

  /** A run that is deleted is not offered to be resumed. */
  #forget(run: ListedRun): void {
    this.#run = undefined;
    this.#deleted = run;
    if (this.#panel) this.#panel.title = title(undefined);
    if (this.#pageListens) this.#startSession();
  }

  #tellRuns(): void {
    const listing = this.runs.runs.map((run): RunListing => {
      const { progress, ...record } = run.record;
      return { id: run.paths.id, record, label: runLabel(run), best: run.best };
    });
    const told = JSON.stringify(listing);
    if (told === this.#toldRuns) return;
    this.#toldRuns = told;
    this.#post({ type: 'runs', runs: listing });
  }

  /** What fails is said in the page, beside what it shows. */
  async #orTell(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#post({ type: 'error', ...errorInEditorWords(error) });
    }
  }

  #media(name: string): Uri {
    return Uri.joinPath(this.extensionUri, 'media', name);
  }

  #post(message: HostMessage): void {
    void this.#panel?.webview.postMessage(message);
  }

  dispose(): void {
    this.#stopSession();
    this.#panel?.dispose();
    for (const disposable of this.#disposables) disposable.dispose();
  }
}

function isAboutRun(request: PageRequest): request is Extract<PageRequest, { method: RunMethod }> {
  return 'id' in request.params;
}

function title(run: ListedRun | undefined): string {
  return run ? l10n.t('Lab: {0}', run.record.name) : l10n.t('Distillery Lab');
}

/** The run that the page showed, from what it kept: see PageState. */
function keptId(state: unknown): string | undefined {
  return typeof state === 'object' && state !== null && 'id' in state && typeof state.id === 'string'
    ? state.id
    : undefined;
}
