#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# healthgpt bench: on a small random model and on a tiny one, its errors, and that it leaves nothing behind. How long anything takes is
# not looked at.
# usage: test_cmd_bench.sh PROGRAM TEST_DATA
set -u
hg=$1
data=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
  echo "FAILED: $*"
  head -c 800 "$work/err" "$work/out"
  failures=$((failures + 1))
}
expect() {
  local code=$1 pattern=$2
  shift 2
  TMPDIR=$work/tmp "$hg" "$@" >"$work/out" 2>"$work/err" </dev/null
  [ $? -eq "$code" ] || fail "$*: another exit code than $code"
  cat "$work/out" "$work/err" | grep -qE -- "$pattern" || fail "$*: no '$pattern'"
}
mkdir "$work/tmp"
quick="--runs 2 --prompt 8 --answer 2"

expect 0 'decode, draw .* tok/s .* % of .*\(read bandwidth\)' bench --small $quick
grep -q 'writing a model of random weights (0\.[0-9] GB' "$work/err" || fail "no note before the model is written"
grep -q 'random numbers: only the times' "$work/out" || fail "random weights are not named"
[ -z "$(ls "$work/tmp")" ] || fail "files are left: $(ls -R "$work/tmp")"
expect 0 '"share_of_limit"' bench --model "$data/tiny/m3" $quick --json
expect_stage() { # a stage is in the JSON with a positive time
  tr -d '\n' <"$work/out" | grep -qE "\"median_s\": [0-9.e-]*[1-9][^}]*\"stage\": \"$1\"|\"stage\": \"$1\"[^}]*\"median_s\": [0-9.e-]*[1-9]" ||
    fail "no stage '$1' in the JSON"
}
for stage in 'load' 'read bandwidth' 'product f32' 'image, ask' 'image, draw' 'prefill, ask' 'decode, ask' 'prefill, draw' 'decode, draw' \
  'picture from codes' 'picture to codes'; do
  expect_stage "$stage"
done
expect 0 'decode, ask' bench --model "$data/tiny/xl32" $quick --threads 1 --mlock --quiet
expect 0 '"prefill": "f32"' bench --model "$data/tiny/m3" $quick --only load --json --prefill f32
grep -q 'draw' "$work/out" && fail "a model that cannot draw has no drawing stages"
expect 0 'decode, ask' bench --model "$data/tiny/m3" $quick --only decode
grep -qE '^(load|image|prefill|picture)' "$work/out" && fail "--only decode measures other stages"
expect 0 'prefill, draw' bench --model "$data/tiny/m3" $quick --only "prefill, d"
grep -qE '^(decode|prefill, ask)' "$work/out" && fail "--only 'prefill, d' measures other stages"
expect 2 'give one of them' bench --small --model "$data/tiny/m3"
expect 2 'whole number' bench --runs 0
expect 2 'is not wanted' bench "$data/tiny/m3"
expect 2 'context' bench --model "$data/tiny/m3" --prompt 99999
expect 3 'nowhere' bench --model "$work/nowhere"
TMPDIR=$work/missing "$hg" bench --small >"$work/out" 2>"$work/err"
[ $? -eq 1 ] && grep -q 'missing' "$work/err" || fail "a folder that is not there"
[ $failures -eq 0 ] && echo "bench: all as expected"
exit $((failures > 0))
