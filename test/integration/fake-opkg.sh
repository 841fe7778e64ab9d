#!/bin/sh
# Stands in for opkg on a board that has none: install FILE..., remove NAME, status NAME, as opkg's own help has them.
db=/var/lib/fake-opkg
mkdir -p $db
verb=$1
shift
case $verb in
  install)
    for file; do
      case $file in --*) continue ;; esac
      tar -xzOf "$file" ./control.tar.gz | tar -xzO ./control > $db/new || exit 255
      name=$(sed -n 's/^Package: //p' $db/new)
      tar -xzOf "$file" ./data.tar.gz | tar -tz > "$db/$name.list"
      tar -xzOf "$file" ./data.tar.gz | tar -xz -C / && mv $db/new "$db/$name" || exit 255
    done
    ;;
  status) [ -e "$db/$1" ] && { cat "$db/$1"; echo 'Status: install ok installed'; } ;;
  remove)
    while read -r path; do [ -f "/$path" ] && rm -f "/$path"; done < "$db/$1.list"
    rm -f "$db/$1" "$db/$1.list"
    ;;
  *) exit 255 ;;
esac
exit 0
