#!/bin/sh
# Stands in for apk on a board that has none: add FILE..., list --installed NAME, del NAME, as apk(8) has them.
db=/var/lib/fake-apk
mkdir -p $db
verb=$1
shift
case $verb in
  add)
    trusted=
    for file; do
      [ "$file" = --allow-untrusted ] && trusted=yes && continue
      [ -n "$trusted" ] || { echo "ERROR: $file: UNTRUSTED signature" >&2; exit 1; }
      name=$(tar -xzOf "$file" .PKGINFO | sed -n 's/^pkgname = //p')
      tar -xzOf "$file" .PKGINFO | sed -n 's/^pkgver = //p' > "$db/$name"
      tar -tzf "$file" | grep ^usr > "$db/$name.list"
      tar -xzf "$file" -C / usr || exit 1
    done
    ;;
  list) [ -e "$db/$2" ] && echo "$2-$(cat "$db/$2") x86_64 {$2} (MIT) [installed]" ;;
  del)
    while read -r path; do [ -f "/$path" ] && rm -f "/$path"; done < "$db/$1.list"
    rm -f "$db/$1" "$db/$1.list"
    ;;
  *) exit 1 ;;
esac
exit 0
