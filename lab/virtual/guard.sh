#!/bin/sh
# Runs a virtual board and ends it when nobody is there to do so: guard.sh LOCK GRACE_S QEMU [ARG...]
# LOCK is held (flock) by the lab controller for as long as it lives. When it can be had, the controller is dead; when no
# other has taken it within GRACE_S seconds, the board is switched off. To be started as leader of a process group.
lock=$1
grace=$2
shift 2

# When a process started (clock ticks after boot), or nothing when it has ended: a pid may be somebody else's later.
started() {
  stat=$(cat "/proc/$1/stat" 2> /dev/null) || return
  set -- ${stat##*) }
  [ "$1" = Z ] || echo "${20}"
}

alive() {
  [ -n "$born" ] && [ "$(started "$machine")" = "$born" ]
}

# Whether the lock can be had; it is given back at once, and shared, so that guards don't keep it from each other.
unheld() {
  flock --shared "$@" "$lock" true 2> /dev/null
  case $? in
  0 | 66) return 0 ;; # 66: even its folder is gone
  1) return 1 ;;
  *) sleep 5 && return 1 ;;
  esac
}

"$@" &
machine=$!
born=$(started "$machine")
(
  while alive; do
    # The limit is for a guard whose shell was killed: its watch ends soon after the machine.
    unheld --timeout 30 || continue
    sleep "$grace"
    unheld --nonblock && alive || continue
    echo "guard: no lab controller for $grace s, switching off" >&2
    kill -TERM "$machine"
    sleep 3
    if alive; then kill -KILL "$machine"; fi
  done
) &
wait "$machine"
code=$?
# The waiting flock or sleep goes with us: this script leads its process group.
trap '' TERM
kill -TERM 0
exit "$code"
