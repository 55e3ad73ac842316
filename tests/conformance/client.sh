#!/bin/sh
# What the suite starts as the client, once for each scenario, all at the same time: the client under a time limit of its
# own, its exit status written down. The suite keeps that status to itself, and on time-out kills only its own shell.
#
#     client.sh FOLDER PROGRAM URL
folder=$1
shift
status=0
timeout --kill-after=2 25 "$@" || status=$?
echo "$status" >"$folder/$(echo "$MCP_CONFORMANCE_SCENARIO" | tr / @)"
exit "$status"
