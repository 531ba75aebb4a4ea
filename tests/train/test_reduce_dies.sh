#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A rank that is killed, or that gives up, ends the run, soon and with its own reason: test_reduce_dies.sh PROGRAM MPIRUN...
set -uo pipefail
program=$1
shift
check() { # HOW EXPECTED
  timeout 60 "${mpirun[@]}" -n 2 "$program" "$1" >/dev/null 2>&1
  local rc=$?
  [ $rc -eq 124 ] && { echo "$1: the run hung"; exit 1; }
  [ $rc -eq "$2" ] || { echo "$1: exit code $rc, expected $2"; exit 1; }
}
mpirun=("$@")
check die 137 # 128 + SIGKILL
check abort 3
