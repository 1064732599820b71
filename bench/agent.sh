#!/usr/bin/env bash
# An agent that costs next to nothing, so that what is measured is Baton: it answers a turn at once, and one that says
# "hold" only when it is interrupted.
held=

end() {
  printf '{"type":"result","user_message_uuid":"%s","num_turns":1,%s}\n' "$1" "$2"
  held=
}

while IFS= read -r line; do
  case $line in
  *'"type":"control_request"'*)
    [[ $line =~ \"request_id\":\"([^\"]+)\" ]]
    printf '{"type":"control_response","response":{"subtype":"success","request_id":"%s","response":{}}}\n' "${BASH_REMATCH[1]}"
    case $line in
    *'"subtype":"interrupt"'* | *'"subtype":"end_session"'*)
      [ -z "$held" ] || end "$held" '"subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_streaming"'
      ;;
    esac
    case $line in *'"subtype":"end_session"'*) exit 0 ;; esac
    ;;
  *'"type":"user"'*)
    [[ $line =~ \"uuid\":\"([^\"]+)\" ]]
    held=${BASH_REMATCH[1]}
    case $line in
    *hold*) ;;
    *) end "$held" '"subtype":"success","is_error":false,"terminal_reason":"completed","result":"done"' ;;
    esac
    ;;
  esac
done
