/** @file What is kept of an e-mail: its words, without what the corpus, a list server or a gateway put around them. */

/** Longest text of a row, in UTF-16 units: about 200 word-pieces. */
export const MAXIMUM_CHARACTERS = 800;

/** Less than this is a mail whose message was a picture, an attachment or a frame. */
const MINIMUM_LETTERS = 60;
/** Below this share of ASCII among letters and other characters beyond ASCII, the script or the charset is another. */
const MINIMUM_ASCII_SHARE = 0.85;

export interface CleanMail {
  text: string;
  /** Whether the mail was longer than `text`. */
  cut: boolean;
  /** Why the mail is left out. */
  rejected?: 'short' | 'script' | 'explicit';
}

/** Subject, newline, body; both cleaned, the whole cut at a word. */
export function cleanMail(subject: string, body: string): CleanMail {
  const whole = `${cleanSubject(subject)}\n${cleanBody(body)}`.trim();
  const text = cutAtWord(whole, MAXIMUM_CHARACTERS);
  const rejected = rejectionOf(whole);
  return { text, cut: text.length < whole.length, ...(rejected && { rejected }) };
}

function rejectionOf(text: string): CleanMail['rejected'] {
  const ascii = text.match(/[a-z]/gi)?.length ?? 0;
  const beyond = text.match(/[^\x00-\x7f]/gu)?.length ?? 0;
  if (ascii < MINIMUM_ASCII_SHARE * (ascii + beyond)) return 'script';
  if (ascii < MINIMUM_LETTERS) return 'short';
  return EXPLICIT.test(text) ? 'explicit' : undefined;
}

/** Words of sexually explicit mail: a sample that everybody is shown does without them, in either class. */
const EXPLICIT =
  /\b(?:adult (?:ads|classifieds|sites?|toys|videos?|web ?sites?)|anal|barely legal|beasti?ality|blowjobs?|boobs|cocks?|cum|cumshots?|dildos?|erotic\w*|fuck\w*|gang-?bang\w*|hardcore|horny|incest\w*|lesbos?|lolitas?|masturbat\w*|milfs?|nud(?:e|es|ity)|orgasms?|orgies|orgy|penis\w*|porn\w*|pre-?teens?|pussy|rap(?:e|ed|ist)|sex sites?|sex-shop|sluts?|sperm|strippers?|teens?|tits|underage|vagina\w*|webcams?|whores?|xxx)\b/i;

/** What mails of one conversation or newsletter have in common: the subject without its reply marks and numbers. */
export function threadOf(subject: string): string {
  return cleanSubject(subject)
    .toLowerCase()
    .replace(/^(?:\s*(?:re|fwd?|aw|was)(?:\[\d+\])?\s*:)+/, '')
    .replace(/[^\p{L}]+/gu, ' ')
    .trim();
}

function cleanSubject(subject: string): string {
  return cleanText(subject.replace(LIST_TAG, '').replace(/^\*{3,}SPAM\*{3,}/i, ''))
    .replace(/\s+/g, ' ')
    .trim();
}

/** The tags that list servers put before a subject: they name the list, and nearly all ham of the corpus is list mail. */
const LIST_TAG =
  /\[(?:ILUG(?:-Social)?|IIU|Razor-users|SAtalk|SAdev|SACVS|SA|Spambayes|zzzzteana|Webdev|VoID|WM|scoop|vox|VulnWatch|use Perl|Baseline)\]\s*/gi;

function cleanBody(body: string): string {
  return cleanText(
    body
      .replace(/\r\n?/g, '\n')
      // The header lines of the RSS-to-mail gateway, which only ham came through.
      .replace(/^\s*URL: .*\n(?:Date: .*\n)?/, '')
      .replace(/^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: .*\n)?/m, '')
      .replace(/^-----BEGIN PGP SIGNATURE-----[^]*?-----END PGP SIGNATURE-----$/gm, '')
      .replace(LIST_FOOTER, '')
      .replace(/^[> \t]*(?:SPAM: |--DeathToSpam|https?:\S*\/mailman\/listinfo\/).*$/gm, ''),
  );
}

/** The advertisement and address lines under list mail, plain or quoted, up to the end of their block. */
const LIST_FOOTER = new RegExp(
  [
    '_{20,}\\n(?=.*(?:mailing list|list)\\b)', // Mailman
    '-{20,}\\n[> \\t]*This sf\\.net email is sponsored by', // SourceForge
    "-- ?\\n[> \\t]*Irish Linux Users' Group", // ILUG
    '-* *Yahoo! Groups Sponsor', // Yahoo! Groups, here and in the next two
    'To unsubscribe from this group, send',
    'Your use of Yahoo! Groups is subject to',
    '-{20,}\\n[> \\t]*(?:To )?unsubscribe', // others
  ]
    .map((start) => `^[> \\t]*${start}[^]*?(?:\\n[> \\t]*(?=\\n)|$(?![^]))`)
    .join('|'),
  'gm',
);

/** Replaces addresses, shortens URLs and ornaments, and evens out white space. */
function cleanText(text: string): string {
  return (
    text
      .normalize('NFC')
      // Characters without a shape, and those whose charset was lost.
      .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu, (c) => (/[\n\t]/.test(c) ? c : ''))
      .replace(/[\w.+%=~-]+@[\w-]+(?:\.[\w-]+)*/g, 'name@host')
      // Only the host of a URL, which would fill the first tokens with its path.
      .replace(/\b(?:https?|ftp):\/\/(?:www\.)?([^\s/<>"')\]:?#]+)[^\s<>"')\]]*/gi, '$1')
      // The corpus' own pseudonyms: a recipient, and hosts that belong to its collector.
      .replace(/\bzzzz\w*/gi, 'name')
      .replace(/(?:[\w-]+\.)*(?:taint\.org|netnoteinc\.com|jmason\.org)/gi, 'host')
      // Rules and ornaments: three and more of one sign, also with spaces between. Shouting stays.
      .replace(/([^\p{L}\p{N}\s!$?])(?:[^\S\n]?\1){2,}/gu, '$1')
      .replace(/[^\S\n]+/g, ' ')
      .replace(/ ?\n ?/g, '\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim()
  );
}

/** The longest start of `text` of at most `limit` units that ends between words. */
function cutAtWord(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const space = text.slice(0, limit + 1).search(/\s\S*$/);
  return text.slice(0, space > 0 ? space : limit).trimEnd();
}
