/** Which events of a journal somebody wants to see. */
import type { AnyEvent, EventKind, EventSource } from './event.ts';

/** Everything that is given must hold. */
export interface JournalFilter {
  boards?: readonly string[];
  sources?: readonly EventSource[];
  kinds?: readonly EventKind[];
  /** Tested on the line that a person sees of an event. */
  grep?: RegExp;
  /** Only from the start to the end of tests whose id is this, or whose title holds it; on the boards they ran on. */
  test?: string;
}

/**
 * A predicate to be asked of each event once, in the order of the journal: it remembers which tests are under way.
 *
 * @param line an event as a person sees it, for `grep`
 */
export function journalFilter(
  filter: JournalFilter,
  line: (event: AnyEvent) => string,
): (event: AnyEvent) => boolean {
  const { boards, sources, kinds, grep, test } = filter;
  // A regular expression with g or y remembers where it was.
  const regex = grep && new RegExp(grep.source, grep.flags.replace(/[gy]/g, ''));
  const within = test === undefined ? () => true : duringTest(test);
  return (event) =>
    within(event) &&
    (boards?.some((board) => board === event.board) ?? true) &&
    (sources?.includes(event.source) ?? true) &&
    (kinds?.includes(event.kind) ?? true) &&
    (regex?.test(line(event)) ?? true);
}

/** Tests run on several boards at once: what happens on a board belongs to the test under way there. */
function duringTest(wanted: string): (event: AnyEvent) => boolean {
  const underWay = new Map<string, string | null>();
  return (event) => {
    if (event.kind === 'test.start' && (event.data.id === wanted || event.data.title.includes(wanted)))
      underWay.set(event.data.id, event.board);
    if (event.source === 'test' && 'id' in event.data && underWay.has(event.data.id)) {
      if (event.kind === 'test.end') underWay.delete(event.data.id);
      return true;
    }
    return [...underWay.values()].some((board) => board === null || board === event.board);
  };
}
