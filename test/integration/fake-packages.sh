#!/bin/sh
# Stands in for opkg or apk, by the name it is called by, on a board that has neither. opkg: install FILE..., status NAME,
# remove NAME, as its own help has them; apk: add FILE..., list --installed NAME, del NAME, as in apk(8).
called=${0##*/}
db=/var/lib/fake-$called
mkdir -p "$db"
verb=$1
shift

# Remembers what a file brought, and its name and version.
keep() {
  echo "$2" > "$db/$1"
  sed -n 's/^\(\.\/\)\{0,1\}usr/usr/p' > "$db/$1.list"
}

forget() {
  while read -r path; do [ -f "/$path" ] && rm -f "/$path"; done < "$db/$1.list"
  rm -f "$db/$1" "$db/$1.list"
}

case "$called $verb" in
  'opkg install')
    for file; do
      case $file in --*) continue ;; esac
      control=$(tar -xzOf "$file" ./control.tar.gz | tar -xzO ./control) || exit 255
      name=$(echo "$control" | sed -n 's/^Package: //p')
      tar -xzOf "$file" ./data.tar.gz | tar -tz | keep "$name" "$(echo "$control" | sed -n 's/^Version: //p')"
      tar -xzOf "$file" ./data.tar.gz | tar -xz -C / || exit 255
    done
    ;;
  'apk add')
    trusted=
    for file; do
      [ "$file" = --allow-untrusted ] && trusted=yes && continue
      [ -n "$trusted" ] || { echo "ERROR: $file: UNTRUSTED signature" >&2; exit 1; }
      info=$(tar -xzOf "$file" .PKGINFO) || exit 1
      name=$(echo "$info" | sed -n 's/^pkgname = //p')
      tar -tzf "$file" | keep "$name" "$(echo "$info" | sed -n 's/^pkgver = //p')"
      tar -xzf "$file" -C / usr || exit 1
    done
    ;;
  'opkg status') [ -e "$db/$1" ] && printf 'Package: %s\nVersion: %s\nStatus: install ok installed\n' "$1" "$(cat "$db/$1")" ;;
  'apk list') [ -e "$db/$2" ] && echo "$2-$(cat "$db/$2") x86_64 {$2} (MIT) [installed]" ;;
  'opkg remove' | 'apk del') forget "$1" ;;
  *) exit 255 ;;
esac
exit 0
