#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_train_ranks.sh PROGRAM COMPARE DATA MPIRUN...: several processes train as one does: the same losses and counters, the same
# weights within rounding, bad samples told once; a rank that is killed ends the run, and the checkpoint continues it.
set -uo pipefail
program=$1 compare=$2 data=$3
shift 3
mpirun=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED: $*"; bad=1; }

# Six items, two of them bad, so that every batch of three wants another round somewhere.
good() { # IMAGE ANSWER
  printf '{"image": "%s", "conversations": [{"from": "human", "value": "<image>\\nWhat is it?"}, {"from": "gpt", "value": "%s"}]}' "$1" "$2"
}
{
  printf '[\n%s,\n' "$(good "$data/tiny/image.png" "It is a synthetic ring, a bright one near the middle.")"
  printf '%s,\n' "$(good "$work/nowhere.png" "Nothing.")"
  printf '%s,\n' "$(good "$data/tiny/m3/picture.png" "Noise.")"
  printf '%s,\n' "$(good "$data/tiny/image.png" "Yes.")"
  printf '%s,\n' "$(good "$data/tiny/image.png" "")"
  printf '%s\n]\n' "$(good "$data/tiny/m3/picture.png" "Noise of many colours.")"
} >"$work/data.json"

settings=(--model "$data/tiny/m3" --data "$work/data.json" --stage 3-com --steps 6 --batch 3 --lr 1e-4 --type f32
  --save-every 2 --threads 1 --validation "$work/data.json" --group-by-length yes)
run() { # N OUT MORE...: trains with N processes
  local n=$1 out=$2
  shift 2
  "${mpirun[@]}" -n "$n" "$program" train "${settings[@]}" -o "$work/$out" "$@" >"$work/$out.out" 2>"$work/$out.err"
}
numbers() { grep -o '"\(loss\|validation_loss\)":[^,]*' "$work/$1/log.jsonl" | cut -d: -f2; }
counts() { grep -o '"tokens":[0-9]*,"positions":[0-9]*' "$work/$1/log.jsonl"; }

run 1 one || fail "one process: $(cat "$work/one.err")"
for n in 2 3; do
  run $n many$n || fail "$n processes: $(cat "$work/many$n.err")"
  paste <(numbers one) <(numbers many$n) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-4 * $1) exit 1 } END { if (NR != 9) exit 1 }' ||
    fail "$n processes: other losses: $(paste <(numbers one) <(numbers many$n))"
  [ "$(counts one)" = "$(counts many$n)" ] || fail "$n processes: other counts"
  [ "$(sed 's/[0-9.]*, *loss.*;/;/' "$work/one.out" | cut -d';' -f2)" = "$(cut -d';' -f2 "$work/many$n.out")" ] ||
    fail "$n processes say: $(cat "$work/many$n.out"), one says: $(cat "$work/one.out")"
  [ "$(wc -l <"$work/many$n.out")" = 1 ] || fail "more than one process reports: $(cat "$work/many$n.out")"
  [ "$(grep -c 'bad sample' "$work/one/log.jsonl")" = "$(grep -c 'bad sample' "$work/many$n/log.jsonl")" ] ||
    fail "$n processes: bad samples are not told as by one"
  "$compare" "$work/one/com_hlora_weights.bin" "$work/many$n/com_hlora_weights.bin" 1e-3 || fail "$n processes: other weights"
done
run 2 again || fail "again: $(cat "$work/again.err")"
cmp -s "$work/many2/com_hlora_weights.bin" "$work/again/com_hlora_weights.bin" || fail "the same run twice gives other weights"

# Questions that share their picture's positions: two processes get two of them at a time.
sharing=(--group-by-length no --per-picture 2 --batch 4 --steps 4 --dropout 0)
run 1 shared "${sharing[@]}" || fail "per-picture, one process: $(cat "$work/shared.err")"
run 2 shared2 "${sharing[@]}" || fail "per-picture, 2 processes: $(cat "$work/shared2.err")"
paste <(numbers shared) <(numbers shared2) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-4 * $1) exit 1 } END { if (NR != 6) exit 1 }' ||
  fail "per-picture, 2 processes: other losses: $(paste <(numbers shared) <(numbers shared2))"
[ "$(counts shared)" = "$(counts shared2)" ] || fail "per-picture, 2 processes: other counts"
"$compare" "$work/shared/com_hlora_weights.bin" "$work/shared2/com_hlora_weights.bin" 1e-3 || fail "per-picture, 2 processes: other weights"

# Strict: every process ends with the same error, told once.
run 2 strict --strict
[ $? -eq 3 ] || fail "strict: $(cat "$work/strict.err")"
[ "$(grep -c '^healthgpt: ' "$work/strict.err")" = 1 ] || fail "strict: $(cat "$work/strict.err")"

# The second process is killed behind the first checkpoint: the run ends, and what it left continues bit by bit.
settings+=(--steps 12)
run 2 whole || fail "whole: $(cat "$work/whole.err")"
run 2 killed &
pid=$!
for _ in $(seq 600); do
  [ -s "$work/killed/checkpoint.safetensors" ] && break
  sleep 0.02
done
# A child of mpirun, which is the first with this command line: the processes have children of their own, which decode images.
victim=$(pgrep -P "$(pgrep -f -- "-o $work/killed" | head -1)" | tail -1)
kill -9 "$victim" 2>/dev/null
wait $pid
rc=$?
[ $rc -ne 0 ] || fail "a run whose process was killed says that it went well (it may have been too quick)"
run 2 killed --resume || fail "resumed: $(cat "$work/killed.err")"
cmp -s "$work/whole/com_hlora_weights.bin" "$work/killed/com_hlora_weights.bin" || fail "the resumed run has other weights"
[ "$(numbers whole)" = "$(numbers killed)" ] || fail "the resumed run has other losses"

# Asked to end by a signal that mpirun passes on: all stop at the same place, and what they left continues bit by bit.
"${mpirun[@]}" -n 2 "$program" train "${settings[@]}" -o "$work/asked" >"$work/asked.out" 2>"$work/asked.err" &
pid=$!
for _ in $(seq 600); do
  [ -s "$work/asked/checkpoint.safetensors" ] && break
  sleep 0.02
done
kill -USR1 $pid
wait $pid
rc=$?
[ $rc -eq 1 ] || fail "SIGUSR1: exit code $rc: $(cat "$work/asked.err")"
[ "$(grep -c 'stopped after step .* of 12; resume continues it' "$work/asked.err")" = 1 ] || fail "SIGUSR1: $(cat "$work/asked.err")"
run 2 asked --resume || fail "resumed after SIGUSR1: $(cat "$work/asked.err")"
cmp -s "$work/whole/com_hlora_weights.bin" "$work/asked/com_hlora_weights.bin" || fail "SIGUSR1: the resumed run has other weights"
[ "$(numbers whole)" = "$(numbers asked)" ] || fail "SIGUSR1: the resumed run has other losses"
exit $bad
