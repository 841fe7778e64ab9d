#!/bin/sh
# Runs a virtual board and ends it when nobody is there to do so: guard.sh LOCK GRACE_S QEMU [ARG...]
# LOCK is held (flock) by the lab controller for as long as it lives. When it can be had, the controller is dead; when no
# other has taken it within GRACE_S seconds, the board is switched off.
lock=$1
grace=$2
shift 2

"$@" &
machine=$!
(
  while :; do
    flock --shared "$lock" true
    sleep "$grace"
    if flock --shared --nonblock "$lock" true; then
      echo "guard: no lab controller for $grace s, switching off" >&2
      kill -TERM "$machine"
      exit
    fi
  done
) &
wait "$machine"
code=$?
# The waiting flock or sleep goes with us: this script leads its process group.
trap '' TERM
kill -TERM 0
exit "$code"
