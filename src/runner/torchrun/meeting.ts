/** @file By which addresses hosts that train together find one another: tried between them before anything begins. */

import { complaint, ComplaintError } from '../../protocol/problem';
import { quoted, type Host } from './ssh';

export interface Meeting {
  /** ADDRESS:PORT on the first host. */
  endpoint: string;
  /** Of each host. */
  addresses: readonly NetworkAddress[];
}

/** By which address the others reach a host, and its network interface, where that is known: names of hosts need not be known to one another. */
export interface NetworkAddress {
  address: string;
  device: string | null;
}

/** gloo asks for the address of the host's own name, which may be that of the loopback interface (Debian's 127.0.1.1), unless it is told an interface. */
export const DEVICE_OF = `
def device_of(address):
    try:
        import fcntl, struct
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            for _, name in socket.if_nameindex():
                try:
                    said = fcntl.ioctl(asked.fileno(), 0x8915, struct.pack("256s", name.encode()[:15]))  # SIOCGIFADDR
                except OSError:
                    continue
                if socket.inet_ntoa(said[20:24]) == address:
                    return name
    except Exception:
        pass
    return None
`;

/** Waits on a port, and says a word to whoever comes, until its input ends. */
const LISTEN = `
import json, os, secrets, select, socket, subprocess, sys
${DEVICE_OF}
found = os.environ.get("SSH_CONNECTION", "").split()[2:3]
try:
    found += subprocess.run(["hostname", "-I"], capture_output=True, text=True, timeout=10).stdout.split()
except Exception:
    pass
try:
    found += socket.gethostbyname_ex(socket.gethostname())[2]
except OSError:
    pass
found = [one for one in dict.fromkeys(found) if "." in one]
found.sort(key=lambda one: one.startswith("127."))
listening = socket.create_server(("", int(sys.argv[1])))
word = secrets.token_hex(16)
addresses = [{"address": one, "device": device_of(one)} for one in found]
print(json.dumps({"listens": listening.getsockname()[1], "word": word, "addresses": addresses}), flush=True)
while True:
    ready, _, _ = select.select([sys.stdin, listening], [], [], 300)
    if not ready or sys.stdin in ready:
        break
    with listening.accept()[0] as one:
        one.sendall(word.encode())
`;

/** Which of some addresses lead there. */
const VISIT = `
import json, socket, sys
${DEVICE_OF}
port, word, *addresses = sys.argv[1:]
reached, reason = {}, "it has told no address"
for address in addresses:
    try:
        with socket.create_connection((address, int(port)), timeout=5) as one:
            one.settimeout(5)
            if one.recv(len(word)).decode(errors="replace") != word:
                raise OSError("somebody else answers there")
            own = one.getsockname()[0]
            reached[address] = {"address": own, "device": device_of(own)}
    except OSError as error:
        reason = f"{address}: {error}"
print(json.dumps({"reached": reached, "reason": reason}))
`;

interface Listening {
  listens: number;
  word: string;
  addresses: NetworkAddress[];
}

interface Visited {
  reached: Record<string, NetworkAddress>;
  reason: string;
}

/**
 * Has the others go to the first, by each of its addresses or by the one that is named, as torchrun's processes will.
 * @param rendezvous ADDRESS:PORT; absent: what the first host knows of itself, and a free port
 * @throws ComplaintError where one does not reach the first
 */
export async function meet(hosts: readonly Host[], python: string, rendezvous?: string): Promise<Meeting> {
  const [first, ...others] = hosts as [Host, ...Host[]];
  const [, address, port = '0'] = /^(.*):(\d+)$/.exec(rendezvous ?? '') ?? [];
  const script = (text: string, ...args: string[]): string =>
    `exec ${[python, '-c', text, ...args].map(quoted).join(' ')}`;
  const { line, end } = await first.open(script(LISTEN, port), '{"listens"');
  try {
    const { listens, word, addresses } = JSON.parse(line) as Listening;
    const known = address === undefined ? addresses : [{ address, device: null }];
    const visited = await Promise.all(
      others.map(async (host) => {
        const said = await host.ask(script(VISIT, String(listens), word, ...known.map(({ address: one }) => one)));
        return JSON.parse(said.trim().split('\n').at(-1)!) as Visited;
      }),
    );
    const met = known.find((one) => visited.every(({ reached }) => one.address in reached));
    if (met === undefined) {
      const lonely = visited.findIndex(({ reached }) => Object.keys(reached).length === 0);
      const at = Math.max(0, lonely);
      const { reason } = visited[at]!;
      throw new ComplaintError(
        complaint('torchrun-hosts-apart', { host: others[at]!.name, first: first.name, port: listens, reason }),
      );
    }
    return {
      endpoint: `${met.address}:${listens}`,
      addresses: [met, ...visited.map(({ reached }) => reached[met.address]!)],
    };
  } finally {
    await end();
  }
}
