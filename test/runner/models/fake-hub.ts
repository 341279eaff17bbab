/**
 * @file A server that answers as a Hugging Face hub does: lists of a model and of its files, small files as they are, large ones by a
 * redirect to another host, which takes ranges. Whatever can fail on the way can be asked of it.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

interface Stored {
  content: Buffer;
  /** Of the content, as large files are stored, and of what git has of it. */
  sha256: string;
  git: string;
  isLarge: boolean;
}

interface Repository {
  commits: Map<string, Map<string, Stored>>;
  branches: Map<string, string>;
  card: object;
  gated?: boolean;
}

export interface AskedRequest {
  server: 'hub' | 'cdn';
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

export class FakeHub {
  readonly requests: AskedRequest[] = [];
  /** By the name of a file: after so many bytes of an answer the connection is closed, once for each number. */
  readonly cuts = new Map<string, number[]>();
  /** Files of which the first byte comes changed. */
  readonly damaged = new Set<string>();
  /** What it answers to everything. */
  status: number | undefined;
  takesRanges = true;
  /** Its answers are a page of a proxy. */
  isProxy = false;
  /** Tokens that it knows; others are refused. */
  readonly tokens = new Set<string>();
  /** Called when so many bytes of a large file were sent, before the rest. */
  held: (() => Promise<void>) | undefined;
  readonly #repositories = new Map<string, Repository>();
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    const server = (name: 'hub' | 'cdn', answer: (asked: URL, request: IncomingMessage, to: ServerResponse) => void) =>
      createServer((request, response) => {
        const { range, authorization } = request.headers;
        this.requests.push({ server: name, path: request.url!, range, authorization });
        answer(new URL(request.url!, 'http://hub'), request, response);
      });
    this.#hub = server('hub', (asked, request, response) => this.#answer(asked, request, response));
    this.#cdn = server('cdn', (asked, request, response) => {
      const [, , id, commit, file] = asked.pathname.split('/').map(decodeURIComponent);
      this.#send(file!, this.#repositories.get(id!)!.commits.get(commit!)!.get(file!)!, request, response);
    });
  }

  static async start(port = 0): Promise<FakeHub> {
    const hub = new FakeHub();
    await once(hub.#hub.listen(port, '127.0.0.1'), 'listening');
    await once(hub.#cdn.listen(0, '127.0.0.1'), 'listening');
    return hub;
  }

  get address(): string {
    return addressOf(this.#hub);
  }

  /** Of large files by their names. */
  ranges(file: string): (string | undefined)[] {
    return this.requests.filter((one) => one.server === 'cdn' && one.path.endsWith(file)).map(({ range }) => range);
  }

  /** A commit of a repository, to which its branch then leads. @param content a folder whose files it has, or files */
  commit(
    id: string,
    content: string | Record<string, string | Buffer>,
    { branch = 'main', card = { license: 'apache-2.0' }, gated = false } = {},
  ): string {
    const named = typeof content === 'string' ? filesOf(content) : content;
    const files = new Map(Object.entries(named).map(([name, one]) => [name, stored(name, Buffer.from(one))]));
    const commit = createHash('sha1')
      .update([...files.values()].map(({ git }) => git).join())
      .digest('hex');
    const repository = this.#repositories.get(id) ?? { commits: new Map(), branches: new Map(), card };
    repository.commits.set(commit, files);
    repository.branches.set(branch, commit);
    this.#repositories.set(id, { ...repository, card, gated });
    return commit;
  }

  #answer(asked: URL, request: IncomingMessage, response: ServerResponse): void {
    if (this.isProxy) {
      reply(response, 200, { 'Content-Type': 'text/html' }, '<html>Log in</html>');
      return;
    }
    if (this.status !== undefined) {
      refuse(response, this.status);
      return;
    }
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (token !== undefined && !this.tokens.has(token)) {
      refuse(response, 401, undefined, 'Invalid credentials in Authorization header');
      return;
    }
    const [, api, kind, organisation, name, what, revision] = asked.pathname.split('/').map(decodeURIComponent);
    if (api === 'api' && kind === 'models') {
      const found = this.#find(`${organisation}/${name}`, revision ?? 'main', response);
      if (!found) return;
      const { repository, commit, files } = found;
      if (what === 'tree') {
        this.#list(asked, files, response);
        return;
      }
      const id = `${organisation}/${name}`;
      const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
      const lists = { tags: [], downloads: 0, likes: 0, private: false, gated: repository.gated ? 'manual' : false };
      const info = { _id: '1', id, sha: commit, cardData: repository.card, siblings, ...lists };
      reply(response, 200, json, JSON.stringify({ ...info, lastModified: '2026-01-01T00:00:00.000Z' }));
      return;
    }
    const [, org, model, , asRevision, ...rest] = asked.pathname.split('/').map(decodeURIComponent);
    const id = `${org}/${model}`;
    const found = this.#find(id, asRevision!, response);
    if (!found) return;
    if (found.repository.gated && token === undefined) {
      refuse(response, 401, 'GatedRepo');
      return;
    }
    const file = found.files.get(rest.join('/'));
    if (!file) {
      refuse(response, 404, 'EntryNotFound');
      return;
    }
    const common = { 'X-Repo-Commit': found.commit, 'Accept-Ranges': 'bytes' };
    if (!file.isLarge) {
      for (const [header, value] of Object.entries({ ...common, ETag: `"${file.git}"` })) {
        response.setHeader(header, value);
      }
      this.#send(rest.join('/'), file, request, response);
      return;
    }
    const to = ['', 'cdn', id, found.commit, rest.join('/')].map(encodeURIComponent).join('/');
    const linked = { 'X-Linked-Etag': `"${file.sha256}"`, 'X-Linked-Size': String(file.content.length) };
    reply(response, 302, { ...common, ...linked, Location: `${addressOf(this.#cdn)}${to}` }, '');
  }

  #find(
    id: string,
    revision: string,
    response: ServerResponse,
  ): { repository: Repository; commit: string; files: Map<string, Stored> } | undefined {
    const repository = this.#repositories.get(id);
    if (!repository) {
      refuse(response, 401, 'RepoNotFound');
      return;
    }
    const commit = repository.branches.get(revision) ?? revision;
    const files = repository.commits.get(commit);
    if (!files) {
      refuse(response, 404, 'RevisionNotFound');
      return;
    }
    return { repository, commit, files };
  }

  /** Two entries a page, the next of which a header names. */
  #list(asked: URL, files: Map<string, Stored>, response: ServerResponse): void {
    const from = Number(asked.searchParams.get('cursor') ?? 0);
    const entries = [...files].slice(from, from + 2).map(([name, { content, sha256, git, isLarge }]) => ({
      type: 'file',
      path: name,
      oid: git,
      size: content.length,
      ...(isLarge && { lfs: { oid: sha256, size: content.length, pointerSize: 134 } }),
    }));
    asked.searchParams.set('cursor', String(from + 2));
    const next = `<${this.address}${asked.pathname}${asked.search}>; rel="next"`;
    reply(response, 200, { ...json, ...(from + 2 < files.size && { Link: next }) }, JSON.stringify(entries));
  }

  #send(name: string, { content }: Stored, request: IncomingMessage, response: ServerResponse): void {
    const [, start] = /^bytes=(\d+)-/.exec(this.takesRanges ? (request.headers.range ?? '') : '') ?? [];
    const from = Number(start ?? 0);
    const body = Buffer.from(content.subarray(from));
    if (this.damaged.has(name) && body.length > 0) body[0]! ^= 1;
    response.setHeader('Content-Length', body.length);
    if (start !== undefined) {
      response.setHeader('Content-Range', `bytes ${from}-${content.length - 1}/${content.length}`);
    }
    response.writeHead(start === undefined ? 200 : 206);
    const cut = this.cuts.get(name)?.shift();
    if (request.method === 'HEAD') response.end();
    else if (cut !== undefined) response.write(body.subarray(0, cut), () => response.destroy());
    else if (this.held && name.endsWith('.safetensors')) {
      response.write(
        body.subarray(0, body.length / 2),
        () => void this.held!().then(() => response.end(body.subarray(body.length / 2))),
      );
    } else response.end(body);
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  }
}

const json = { 'Content-Type': 'application/json' };

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function filesOf(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder).filter((name) => !/^(case|config\.v4|expected|gradients)/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name))]));
}

function stored(name: string, content: Buffer): Stored {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  return { content, sha256, git, isLarge: /\.(safetensors|bin|gguf)$/.test(name) };
}

function reply(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

function refuse(response: ServerResponse, status: number, code?: string, message?: string): void {
  const headers = { ...(code && { 'X-Error-Code': code }), ...(message && { 'X-Error-Message': message }) };
  reply(response, status, headers, '');
}
