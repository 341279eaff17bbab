/** @file An extension beside ours in the editor of the journeys: calls tools as an agent does, and holds a folder in memory. */

const { commands, EventEmitter, FileSystemError, FileType, lm, Uri, window, workspace } = require('vscode');

exports.activate = ({ subscriptions }) => {
  subscriptions.push(
    commands.registerCommand('helper.callTool', callTool),
    workspace.registerFileSystemProvider('shelf', new ShelfFiles(), { isReadonly: true }),
  );
};

/** Asks for `{"name": …, "input": …}`; what comes of it stands in a new document. */
async function callTool() {
  const { name, input } = JSON.parse(await window.showInputBox({ prompt: 'Name and input of a tool' }));
  const content = await lm.invokeTool(name, { input, toolInvocationToken: undefined }).then(
    (result) => `Answer: ${result.content.map(({ value }) => value).join('')}`,
    (error) => `Refused: ${error.message}`,
  );
  await window.showTextDocument(await workspace.openTextDocument({ content }));
}

function refuse(uri) {
  throw FileSystemError.NoPermissions(uri);
}

/** An experiment and its rows, in memory. */
class ShelfFiles {
  onDidChangeFile = new EventEmitter().event;
  files = new Map([
    ['/sample/spam.distill.json', '{ "task": "text-classification" }'],
    ['/sample/train.jsonl', '{"text": "Call now", "label": "spam"}\n'],
  ]);

  watch() {
    return { dispose: () => undefined };
  }

  stat({ path }) {
    const [type, text] = path === '/sample' ? [FileType.Directory, ''] : [FileType.File, this.#textOf(path)];
    return { type, size: text.length, ctime: 0, mtime: 0 };
  }

  readDirectory({ path }) {
    const inside = [...this.files.keys()].filter((file) => file.startsWith(`${path}/`));
    return inside.map((file) => [file.slice(path.length + 1), FileType.File]);
  }

  readFile({ path }) {
    return new TextEncoder().encode(this.#textOf(path));
  }

  createDirectory = refuse;
  writeFile = refuse;
  delete = refuse;
  rename = refuse;

  #textOf(path) {
    const text = this.files.get(path);
    if (text === undefined) throw FileSystemError.FileNotFound(Uri.from({ scheme: 'shelf', path }));
    return text;
  }
}
