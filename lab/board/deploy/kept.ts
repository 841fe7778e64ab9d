/** Where a board keeps what was replaced by the last deploy: files by number, and the list of them. */
export const KEPT = '/var/lib/hil/deploy';

/** In there: versions of packages before, a line each. */
export const KEPT_PACKAGES = 'packages';

/** Names the bundle that is on the board, for its provenance. */
export const CURRENT = `${KEPT}/current`;
