#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# test_cmd_train.sh PROGRAM DATA: the command: exit codes, files, what it says; killed from outside and resumed.
set -uo pipefail
program=$1 data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fail() { echo "FAILED: $*"; bad=1; }

# expect CODE ARGUMENTS...: runs the command; its output goes to $work/out and $work/err.
expect() {
  local code=$1
  shift
  "$program" train "$@" >"$work/out" 2>"$work/err"
  local got=$?
  [ $got -eq "$code" ] || fail "train $*: exit code $got, expected $code: $(cat "$work/err")"
}
says() { grep -qF -- "$1" "$work/$2" || fail "'$1' is not in $2: $(cat "$work/$2")"; }

m3="$data/tiny/m3" com="$data/training/com.json"
expect 0 --help
says "usage: healthgpt train" out
expect 2
says "--stage 1-com" err
expect 2 --stage 4-com
expect 2 --all --stage 1-com
expect 2 --stage 1-com --model "$m3" --data "$com"
says "'out' is not set" err
expect 2 --stage 1-com --model "$m3" --data "$com" -o "$work/a" --steps none
says "steps is 'none'" err
expect 2 --stage 1-com --model "$m3" --data "$com" -o "$work/a" extra
expect 3 --stage 1-com --model "$work/nowhere" --data "$com" -o "$work/a"
expect 3 --stage 1-com --model "$m3" --data "$work/nowhere.json" -o "$work/a"
expect 3 --stage 3-gen --model "$data/tiny/xl32" --data "$com" -o "$work/a"
says "missing the picture decoder" err
printf 'batch = 2\n[1-com]\nspeed = 3\n' >"$work/bad.ini"
expect 3 --stage 1-com --config "$work/bad.ini"
says "bad.ini:3: no setting 'speed'" err

printf 'model = %s\ndata = %s\nsteps = 2\nbatch = 2\n[pretrain-vq]\ncodes = 64\n[3-com]\nlr = 1e-3\n' "$m3" "$com" >"$work/good.ini"
expect 0 --stage 3-com --config "$work/good.ini" -o "$work/a" --json --threads 1
says '"steps": 2' out
says "step 2 of 2" err
for f in com_hlora_weights.bin checkpoint.safetensors log.jsonl log.html finished.json; do [ -s "$work/a/$f" ] || fail "no $f"; done
[ "$(grep -c '"loss"' "$work/a/log.jsonl")" = 2 ] || fail "the log has not two steps"
expect 2 --stage 3-com --config "$work/good.ini" -o "$work/a"
says "is there already" err

# The chain: two of its stages have data.
printf 'model = %s\nsteps = 1\nbatch = 1\n[1-com]\ndata = %s\n[3-com]\ndata = %s\n' "$m3" "$com" "$com" >"$work/all.ini"
expect 0 --all --config "$work/all.ini" -o "$work/all" --json --threads 1
says '"1-com": {"steps": 1' out
says '"3-com": {"steps": 1' out
says "stage 2-fusion has no data" err
[ -s "$work/all/3-com/com_hlora_weights.bin" ] || fail "no plug-in of the chain's end"
expect 0 --all --config "$work/all.ini" -o "$work/all" --threads 1 --resume
says "stage 3-com was finished before" err

# Killed while it runs, then resumed: the losses are those of a run in one go.
settings=(--stage 1-com --model "$m3" --data "$com" --steps 8 --batch 2 --save-every 1 --lr 1e-3 --threads 1 --quiet)
losses() { grep -o '"loss":[^,]*' "$1/log.jsonl"; }
expect 0 "${settings[@]}" -o "$work/whole"
"$program" train "${settings[@]}" -o "$work/killed" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 600); do
  [ "$(grep -c '"loss"' "$work/killed/log.jsonl" 2>/dev/null)" -ge 3 ] 2>/dev/null && break
  kill -0 $pid 2>/dev/null || break
  sleep 0.02
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
expect 0 "${settings[@]}" -o "$work/killed" --resume
[ "$(losses "$work/whole" | wc -l)" = 8 ] || fail "the whole run has not 8 steps"
[ "$(losses "$work/whole")" = "$(losses "$work/killed")" ] || fail "the resumed run has other losses"
cmp -s "$work/whole/com_hlora_weights.bin" "$work/killed/com_hlora_weights.bin" || fail "the resumed run has another plug-in"

# Asked to end by SIGTERM within a step (of many samples, of which two are waited for): a checkpoint is written, what to do next is said,
# and both ways work: continued it is the run in one go; finished, what is there is the result.
settings=(--stage 1-com --model "$m3" --data "$com" --steps 2 --batch 60 --lr 1e-3 --threads 1 --quiet)
expect 0 "${settings[@]}" -o "$work/long"
# stop_within FOLDER SECONDS: sends SIGTERM so long after the log has been opened, before which signals are caught already; sets $code.
stop_within() {
  "$program" train "${settings[@]}" -o "$1" >/dev/null 2>"$work/err" &
  local pid=$!
  until [ -e "$1/log.jsonl" ]; do
    kill -0 $pid 2>/dev/null || break
    sleep 0.02
  done
  sleep "$2"
  kill -TERM $pid 2>/dev/null
  wait $pid
  code=$?
}
for then in resume finish; do
  for pause in 0.3 0.1 0.03 0; do # a machine on which the whole run is over by then is asked again, earlier
    rm -rf "${work:?}/$then"
    stop_within "$work/$then" $pause
    [ $code -eq 0 ] || break
  done
  [ $code -eq 1 ] || fail "SIGTERM: exit code $code, expected 1: $(cat "$work/err")"
  says "of 2; resume continues it, finish takes what it has learnt" err
  [ -s "$work/$then/checkpoint.safetensors" ] || fail "SIGTERM: no checkpoint"
  expect 0 "${settings[@]}" -o "$work/$then" --$then
done
[ "$(losses "$work/long")" = "$(losses "$work/resume")" ] || fail "SIGTERM and --resume: other losses"
cmp -s "$work/long/com_hlora_weights.bin" "$work/resume/com_hlora_weights.bin" || fail "SIGTERM and --resume: another plug-in"
[ -s "$work/finish/com_hlora_weights.bin" ] || fail "--finish: no plug-in"
grep -q '"planned_steps": 2' "$work/finish/finished.json" || fail "--finish: finished.json: $(cat "$work/finish/finished.json")"
expect 3 "${settings[@]}" -o "$work/nothing" --finish
says "nothing to finish with" err
exit $bad
