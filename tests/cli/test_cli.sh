#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the program as a user does, on the tiny models: results, and for bad input the exit code and a one-line error.
# usage: test_cli.sh PROGRAM TEST_DATA
set -u
hg=$1
data=$2
image=$data/tiny/image.png
m3=$data/tiny/m3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
count=0

fail() {
  echo "FAILED: $*"
  echo "  stdout: $(head -c 300 "$work/out")"
  echo "  stderr: $(head -c 600 "$work/err")"
  failures=$((failures + 1))
}

# expect CODE PATTERN ARGUMENTS...: the exit code; PATTERN is found in stdout (code 0) or in the one line of stderr.
expect() {
  local code=$1 pattern=$2
  shift 2
  count=$((count + 1))
  "$hg" "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  if [ $got -ne "$code" ]; then
    fail "$* : exit code $got, expected $code"
  elif [ "$code" -eq 0 ]; then
    [ -z "$pattern" ] || grep -qE -- "$pattern" "$work/out" || fail "$* : stdout lacks '$pattern'"
  else
    grep -v '^note: ' "$work/err" >"$work/lines"
    [ "$(wc -l <"$work/lines")" -eq 1 ] || fail "$* : stderr is not one line"
    grep -qE -- "$pattern" "$work/lines" || fail "$* : stderr lacks '$pattern'"
  fi
}

# broken FOLDER: a copy of the m3 model to break.
broken() {
  rm -rf "$work/model"
  cp -rL "$m3" "$work/model"
  chmod -R u+w "$work/model"
}

# patch FILE OFFSET BYTES: overwrites bytes (printf escapes) in a file.
patch() {
  printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# offset_of FILE TEXT: where a text first stands in a binary file.
offset_of() {
  grep -obUa -- "$2" "$1" | head -n 1 | cut -d: -f1
}

# ---- it works
expect 0 'usage: healthgpt' --help
expect 0 'healthgpt [0-9]' --version
expect 0 '.' ask --model "$m3" --max-tokens 8 "$image" "What is it?"
expect 0 '"stop": "length"' ask --json --quiet --model "$m3" --max-tokens 4 "$image" "What is it?"
expect 0 '.' ask --model "$m3" --max-tokens 4 "A question without an image"
expect 0 '.' ask --mlock --model "$m3" --max-tokens 4 "A question to a model that stays in memory"
expect 0 '.' ask --huge-pages yes --model "$m3" --max-tokens 4 "A question to a model in huge pages"
expect 0 '.' ask --repack yes --model "$m3" --max-tokens 4 "A question to a model whose weights are copied"
expect 2 'auto, yes or no' ask --repack maybe --model "$m3" "A question to nobody"
expect 2 'auto, yes or no' ask --huge-pages maybe --model "$m3" "A question to nobody"
expect 0 '.' ask --model "$data/tiny/l14" --max-tokens 4 "$image" "What is it?"
expect 0 '.' ask --model "$data/tiny/xl32" --max-tokens 4 "$image" "What is it?"
expect 0 '.' ask --model "$m3" --max-tokens 4 "$image" "$image" "Two images: what differs?"
expect 0 '^([0-9]+ ){1023}[0-9]+$' draw --codes --model "$m3" --task reconstruct "$image" -o "$work/picture.png"
expect 0 '256 *[x×] *256|"width": 256' image info --json "$work/picture.png"
grep -qa 'Synthetic' "$work/picture.png" || fail "the picture is not marked as synthetic"
expect 0 '"synthetic": true' draw --json --model "$m3" --task reconstruct "$image" -o "$work/picture.jpg"
expect 0 'reconstruct +yes' inspect "$m3"
expect 0 'ct-to-mri +no: the generation plug-in was not trained' inspect "$m3"
expect 0 'reconstruct +no: missing: gen_hlora' inspect "$data/tiny/xl32"
expect 0 '"tensors_count"' inspect --json "$m3"
expect 0 'lora_route.weight' inspect --tensors "$m3"
expect 0 'com_hlora_weights.bin: PyTorch, [0-9]+ tensors, [0-9.]+ MB$' inspect "$m3/com_hlora_weights.bin"
expect 0 '^base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight.f[0-9]+.\[[0-9]+, [0-9]+\]$' \
  inspect --tensors "$m3/com_hlora_weights.bin"
expect 0 '"kind": "safetensors"' inspect --json "$m3/golden.safetensors"
expect 0 '^[0-9 ]+$' vq encode --model "$m3" "$image"
cp "$work/out" "$work/codes.txt"
expect 0 '' vq decode --model "$m3" "$work/codes.txt" -o "$work/again.png"
expect 0 '^[0-9 ]+$' tokenize --model "$m3" "Hello <|end|> world"
ids=$(cat "$work/out")
expect 0 '^Hello <\|end\|> world$' tokenize --model "$m3" --decode "$ids"
expect 0 '^[0-9 ]+$' tokenize --model "$m3" --special "Hello <|end|> world"
[ "$(cat "$work/out")" != "$ids" ] || fail "--special makes no difference"

# the same ids for any number of threads and every CPU tier of this machine
"$hg" draw --quiet --codes --threads 1 --model "$m3" --task reconstruct "$image" -o "$work/a.png" >"$work/one" 2>/dev/null
"$hg" draw --quiet --codes --threads 3 --model "$m3" --task reconstruct "$image" -o "$work/a.png" >"$work/three" 2>/dev/null
"$hg" draw --quiet --codes --cpu reference --model "$m3" --task reconstruct "$image" -o "$work/a.png" >"$work/reference" 2>/dev/null
cmp -s "$work/one" "$work/three" || fail "codes depend on the number of threads"
cmp -s "$work/one" "$work/reference" || fail "codes depend on the CPU tier"

# ---- a result that cannot be written is a failure, not silence
"$hg" tokenize --model "$m3" "Hello" >/dev/full 2>"$work/err"
[ $? -eq 1 ] && grep -q 'cannot write the result' "$work/err" || fail "tokenize to a full disk"
"$hg" ask --quiet --model "$m3" --max-tokens 4 "What is it?" >/dev/full 2>"$work/err"
[ $? -eq 1 ] && grep -q 'cannot write the result' "$work/err" || fail "ask to a full disk"
"$hg" draw --quiet --codes --model "$m3" --task reconstruct "$image" -o "$work/closed.png" >&- 2>"$work/err"
[ $? -eq 1 ] && grep -q 'cannot write the result' "$work/err" || fail "draw with stdout closed"
cmp -s "$work/closed.png" "$work/picture.png" || fail "a closed stdout spoils the picture"

# ---- chat: two questions, the second of which re-reads little; an empty line ends
printf 'What is it?\nAnd what else?\n\nnot asked\n' |
  "$hg" chat --model "$m3" --max-tokens 4 "$image" >"$work/out" 2>"$work/err" || fail "chat"
[ "$(grep -c 'prompt positions were known' "$work/err")" -eq 2 ] || fail "chat does not answer two questions"
tail -n 1 "$work/err" | grep -qE '^\([5-9][0-9]{2} of' || fail "chat reads the image again"

# ---- wrong usage
expect 2 "no command 'paint'" paint
expect 2 'a question is wanted' ask --model "$m3"
expect 2 'the question is empty' ask --model "$m3" "$image" "  "
expect 2 '--threads' ask --model "$m3" --threads 0 "$image" "What?"
expect 2 '--temperature' ask --model "$m3" --temperature nan "$image" "What?"
expect 2 "no task 'paint'" draw --model "$m3" --task paint "$image" -o "$work/x.png"
expect 2 'needs one image' draw --model "$m3" --task reconstruct -o "$work/x.png"
expect 2 'takes no image' draw --model "$m3" --task report-to-cxr "$image" "A report." -o "$work/x.png"
expect 2 'must end in' draw --model "$m3" --task reconstruct "$image" -o "$work/x.gif"
expect 1 'cannot be written' draw --model "$m3" --task reconstruct "$image" -o "$work/nowhere/x.png"
expect 2 '-o FILE' draw --model "$m3" --task reconstruct "$image"
expect 2 'no CPU tier' ask --model "$m3" --cpu abacus "$image" "What?"

expect 2 'seed' ask --model "$m3" --seed -1 "$image" "What?"
expect 2 'at most 64' ask --model "$m3" $(for i in $(seq 65); do echo "$image"; done) "What?"
echo "1 2 three" >"$work/bad.txt"
expect 3 'no picture code' vq decode --model "$m3" "$work/bad.txt" -o "$work/x.png"
expect 3 'no picture codes' vq decode --model "$m3" /dev/null -o "$work/x.png"
expect 3 'absent.txt' vq decode --model "$m3" "$work/absent.txt" -o "$work/x.png"

# ---- bad images
head -c 2000 "$image" >"$work/cut.png"
echo "this is text" >"$work/text.png"
: >"$work/empty.png"
expect 3 'cut.png' ask --model "$m3" "$work/cut.png" "What?"
expect 3 'text.png' ask --model "$m3" "$work/text.png" "What?"
expect 3 'empty.png' ask --model "$m3" "$work/empty.png" "What?"
expect 3 'absent.png' ask --model "$m3" "$work/absent.png" "What?"
expect 3 '.' draw --model "$m3" --task reconstruct "$work" -o "$work/x.png"

# ---- too long a prompt
long=$(head -c 60000 /dev/zero | tr '\0' 'x')
expect 3 'too long: [0-9]+ positions' ask --model "$m3" "$image" "$long"

# ---- several pictures of a file; the prompt's length is checked before they are decoded
pages=$data/image/scan/pages.tif
volume=$data/image/scan/volume.npy
expect 0 '.' ask --model "$m3" --max-tokens 2 --slices 2 "$pages" "What?"
grep -qE '^prompt 11[0-9]{2} positions' "$work/err" || fail "two slices are not two images"
expect 0 '.' ask --model "$m3" --max-tokens 2 --montage 3 "$pages" "What?"
grep -qE '^note: montage of 3 pictures, frames' "$work/err" || fail "the montage is not told"
expect 3 'too long: 69[0-9]{2} positions \(6912 of them from 12 images\), the model has 4096' \
  ask --model "$m3" --slices 2 $(for i in 1 2 3 4 5 6; do echo "$pages"; done) "What?"
expect 3 'too long: .* 12 images' chat --model "$m3" --slices 2 $(for i in 1 2 3 4 5 6; do echo "$pages"; done)
expect 2 'choose one of the two' ask --model "$m3" --slices 2 --montage 2 "$volume" "What?"
expect 2 'without --slices' ask --model "$m3" --slices 2 --slice 1 "$volume" "What?"
expect 2 'use --montage' draw --model "$m3" --task reconstruct --slices 2 "$volume" -o "$work/x.png"
expect 2 '--slices must be' ask --model "$m3" --slices 0 "$volume" "What?"

# ---- a folder of a series
mkdir -p "$work/series/sub"
cp "$data/image/scan/signed.dcm" "$work/series/sub/a"
cp "$data/image/scan/mono1.dcm" "$data/image/rgb.png" "$work/series/"
expect 0 '"format": "dicom"' image info --json "$work/series"
expect 0 '.' ask --model "$m3" --max-tokens 2 "$work/series" "What?"
expect 2 "no series '7'" image info --series 7 "$work/series"
expect 3 'no DICOM file in this folder' image info "$data/text"

# ---- regions are marked in the picture and named in the question
expect 0 '.' ask --model "$m3" --max-tokens 2 "$image" "What is in region 1?"
plain=$(sed -n 's/^prompt \([0-9]*\) positions.*/\1/p' "$work/err")
expect 0 '.' ask --model "$m3" --max-tokens 2 --roi 2,3,9,8 --roi 10,12,6,6,arrow "$image" "What is in region 1?"
marked=$(sed -n 's/^prompt \([0-9]*\) positions.*/\1/p' "$work/err")
[ "$marked" -gt "$plain" ] || fail "the regions are not named in the question: $marked and $plain positions"
expect 0 '' image convert --roi 2,3,9,8,ellipse "$image" -o "$work/marked.png"
cmp -s "$work/marked.png" "$image" && fail "the region is not drawn"
expect 0 '' image prepare --roi 2,3,9,8 "$image" -o "$work/marked.npy"
expect 0 '' image prepare "$image" -o "$work/plain.npy"
cmp -s "$work/marked.npy" "$work/plain.npy" && fail "the model does not see the region"
echo "And now?" | "$hg" chat --model "$m3" --max-tokens 2 --roi 2,3,9,8 "$image" >"$work/out" 2>"$work/err" || fail "chat --roi"
expect 2 'inside the picture of' ask --model "$m3" --roi 2,3,9999,8 "$image" "What?"
expect 2 "region '2,3,4'" ask --model "$m3" --roi 2,3,4 "$image" "What?"
expect 2 'of one IMAGE, not of 2' ask --model "$m3" --roi 2,3,4,5 "$image" "$image" "What?"
expect 2 'would be drawn, too' draw --model "$m3" --task reconstruct --roi 2,3,4,5 "$image" -o "$work/x.png"
expect 2 'the question is empty' ask --model "$m3" --roi 2,3,4,5 "$image" " "

# ---- whole slides
expect 0 'level +1 of 3' image info "$data/image/scan/slide.svs"
expect 0 '"width": 30' image info --json --level 2 --region 5,5,30,10 "$data/image/scan/slide.svs"
expect 2 'inside level 2 of 528 x 16' image info --level 2 --region 5,5,30,12 "$data/image/scan/slide.svs"
expect 2 'for whole slides' image info --level 1 "$volume"

# ---- what the model was not trained for, or has no parts for
expect 4 'cannot do ct-to-mri' draw --model "$m3" --task ct-to-mri "$image" -o "$work/x.png"
expect 4 'cannot do report-to-cxr' draw --model "$m3" --task report-to-cxr "A report." -o "$work/x.png"
expect 4 'gen_hlora_weights' draw --model "$data/tiny/xl32" --task reconstruct "$image" -o "$work/x.png"
[ ! -e "$work/x.png" ] || fail "a refused drawing left a file"

# ---- bad models
expect 3 'no such folder' ask --model "$work/nowhere" "$image" "What?"
mkdir "$work/hollow"
expect 3 'missing base/' ask --model "$work/hollow" "$image" "What?"
broken; rm "$work/model/base/config.json"
expect 3 'config.json' ask --model "$work/model" "$image" "What?"
broken; rm "$work"/model/base/model-00002-of-*.safetensors
expect 3 'model-00002' ask --model "$work/model" "$image" "What?"
broken; sed -i 's/"hidden_size": [0-9]*/"hidden_size": 64/' "$work/model/base/config.json"
expect 3 'shape|heads|hidden|head' ask --model "$work/model" "$image" "What?"
broken; echo '{"a": ' >"$work/model/base/config.json"
expect 3 'config.json' ask --model "$work/model" "$image" "What?"
broken; head -c 3000 "$m3/com_hlora_weights.bin" >"$work/model/com_hlora_weights.bin"
expect 3 'com_hlora_weights.bin' ask --model "$work/model" "$image" "What?"
broken; cp "$m3/fusion_layer_weights.bin" "$work/model/com_hlora_weights.bin"
expect 3 "tensor 'base_model.model.model.layers.0" ask --model "$work/model" "$image" "What?"
broken; cp "$data/tiny/xl32/com_hlora_weights.bin" "$work/model/com_hlora_weights.bin"
expect 3 'com_hlora_weights.bin' ask --model "$work/model" "$image" "What?"
broken; f=$work/model/com_hlora_weights.bin; at=$(offset_of "$f" '_rebuild_tensor_v2'); patch "$f" "$at" '_rebuild_tensor_v9'
expect 3 'not allowed|CRC|checksum|global' ask --model "$work/model" "$image" "What?"
broken; rm "$work/model/vqgan/model.yaml"
expect 3 'model.yaml' ask --model "$work/model" "$image" "What?"
broken; : >"$work/model/vqgan/last.ckpt"
expect 3 'last.ckpt' ask --model "$work/model" "$image" "What?"
broken; sed -i 's/n_embed: *512/n_embed: 500/' "$work/model/vqgan/model.yaml"
expect 3 'shape' draw --model "$work/model" --task reconstruct "$image" -o "$work/x.png"
broken; sed -i 's/out_ch: *3/out_ch: 1/' "$work/model/vqgan/model.yaml"
expect 3 '3 channels in and 1 out' draw --model "$work/model" --task reconstruct "$image" -o "$work/x.png"
broken; sed -i 's/"resample": 3/"resample": 2/' "$work/model/clip/preprocessor_config.json"
expect 3 'resample 2' ask --model "$work/model" "$image" "What?"
expect 3 'picture.png' inspect "$work/picture.png"
broken; f=$(echo "$work"/model/base/model-00001-of-*.safetensors); at=$(($(od -An -tu8 -N8 "$f") + 8)) # NaN in all weights
head -c $(($(stat -c %s "$f") - at)) /dev/zero | tr '\0' '\377' | dd of="$f" oflag=seek_bytes seek=$at conv=notrunc status=none
expect 3 'not numbers' ask --model "$work/model" --max-tokens 2 "$image" "What?"
broken; rm "$work/model/gen_hlora_weights.bin"
expect 0 '.' ask --model "$work/model" --max-tokens 2 "$image" "What?"
expect 4 'gen_hlora_weights' draw --model "$work/model" --task reconstruct "$image" -o "$work/x.png"
broken; echo '{"tasks": ["reconstruct", "ct-to-mri"]}' >"$work/model/healthgpt.json"
expect 0 'ct-to-mri +yes' inspect "$work/model"
broken; echo '{"tasks": ["paint"]}' >"$work/model/healthgpt.json"
expect 3 'paint' ask --model "$work/model" "$image" "What?"

echo "$count commands, $failures failed"
[ $failures -eq 0 ]
