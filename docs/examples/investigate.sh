#!/usr/bin/env bash
# Sends one command to Gumshoe's command queue and prints what comes back, with the AWS command line and jq.
#
#   export COMMAND_QUEUE=https://sqs.… RESULT_QUEUE=https://sqs.…
#   investigate.sh 'get pods -n shop' 'get events -n shop --types Warning'
#
# Each argument is a query in kubectl's words. Each page is printed as a line of JSON, in the order of the queries; the last line is
# the End, which says of each query whether anything is missing. Exit code 0: all was answered and nothing is missing.
#
# docs/sqs.md is the contract, docs/reading-results.md how results are read, docs/schema has the messages as JSON Schema.
set -euo pipefail
shopt -s nullglob
: "${1:?a query in the words of kubectl}" "${COMMAND_QUEUE:?}" "${RESULT_QUEUE:?}"
seconds=${DEADLINE_SECONDS:-120}
# An End may come up to 30 s after the deadline.
give_up=$((SECONDS + seconds + 45))

id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
command=$(jq -cn --arg id "$id" --argjson seconds "$seconds" '{
  specversion: "1.0", id: $id, source: "/examples/shell", type: "gumshoe.bridge.v1.Command",
  data: {
    id: $id, investigationId: "example", deadline: (now + $seconds | floor | todate),
    queries: [$ARGS.positional | to_entries[] | {id: "q\(.key + 1)", kubectl: .value}]
  }
}' --args "$@")
aws sqs send-message --queue-url "$COMMAND_QUEUE" --message-body "$command" >/dev/null

# The raw bodies that came, a file each: runs/RUN/accepted, runs/RUN/page-SEQ, runs/RUN/end. SQS delivers at least once, so the
# command may be worked on in several runs.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/runs"

# place_of BODY: where a result of our command belongs; nothing for what is of others, which is left to them.
place_of() {
  jq -r --arg id "$id" '
    select(.type == "gumshoe.bridge.v1.Result").data
    | select(.commandId == $id and (.run | test("^[A-Za-z0-9_-]{1,64}$")))
    | .run + "/" + if .page then "page-\(.seq | floor)" elif .accepted then "accepted" elif .end then "end" else "later" end
  ' "$1" 2>/dev/null || true
}

# receive: keeps what the queue has of our command. Fails where there is nothing.
receive() {
  local message place came=1
  aws sqs receive-message --queue-url "$RESULT_QUEUE" --max-number-of-messages 10 --wait-time-seconds 5 --output json \
    >"$work/batch" || exit
  while read -r message; do
    jq -j .Body <<<"$message" >"$work/body"
    place=$(place_of "$work/body")
    [ -n "$place" ] || continue
    mkdir -p "$work/runs/${place%/*}"
    # A message that came before changes nothing.
    [ -e "$work/runs/$place" ] || mv "$work/body" "$work/runs/$place"
    aws sqs delete-message --queue-url "$RESULT_QUEUE" --receipt-handle "$(jq -r .ReceiptHandle <<<"$message")"
    came=0
  done < <(jq -c '.Messages[]?' "$work/batch")
  return "$came"
}

sha256() { printf %b "$(sha256sum | cut -c -64 | sed 's/../\\x&/g')"; }

# is_whole RUN: the End is there with all pages that it counts, as they were sent. What is zero or empty stands nowhere in the JSON.
is_whole() {
  local pages seq
  pages=$(jq '.data.end.pages // 0' "$1/end" 2>/dev/null) || return
  for ((seq = 1; seq <= pages; seq++)); do [ -e "$1/page-$seq" ] || return; done
  [ "$(for ((seq = 1; seq <= pages; seq++)); do sha256 <"$1/page-$seq"; done | sha256 | base64)" = "$(jq -r .data.end.sha256 "$1/end")" ]
}

# joined: its pages, by query and number; parts of a response that was too long for a message are put together.
joined() {
  local page
  while read -r page; do
    if jq -e '.part | not' <<<"$page" >/dev/null; then
      printf '%s\n' "$page"
      continue
    fi
    jq -r .part.data <<<"$page" | base64 -d >>"$work/parts"
    if jq -e '.part | .number == .of' <<<"$page" >/dev/null; then
      jq -c --slurpfile whole "$work/parts" '{queryId, number, (.part.response): $whole[0]}' <<<"$page"
      rm "$work/parts"
    fi
  done
}

# finish RUN: prints it.
finish() {
  jq -cn --slurpfile end "$1/end" '
    [$end[0].data.end.queries[]?.queryId] as $order
    | [inputs.data.page] | sort_by([.queryId as $query | $order | index($query)], .number)[]
  ' "$1"/page-* /dev/null | joined
  jq -c .data.end "$1/end"
  [ "$(jq -r .data.end.status "$1/end")" = END_STATUS_SUCCEEDED ]
  exit
}

while :; do
  came=
  if receive; then came=yes; fi
  refusal='' others=''
  for run in "$work"/runs/*; do
    if is_whole "$run"; then
      # An End without queries says why they were not asked.
      if jq -e '.data.end.queries' "$run/end" >/dev/null; then finish "$run"; fi
      refusal=$run
    elif [ -e "$run/accepted" ] || compgen -G "$run/page-*" >/dev/null; then
      others=yes
    fi
  done
  # A refusal may have overtaken the answer of another run, so it counts when nothing more comes: at once where no other has begun,
  # else at the end.
  if [ -n "$refusal" ] && { [ -z "$came$others" ] || ((SECONDS > give_up)); }; then finish "$refusal"; fi
  if ((SECONDS > give_up)); then
    echo "no whole answer to command $id" >&2
    exit 1
  fi
done
