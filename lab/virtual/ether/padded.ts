/** A length with what fills it up to four bytes, as netlink and pcapng both lay out what they hold. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
