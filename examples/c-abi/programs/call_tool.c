/* A client: lists the tools of a server and calls one.
 *
 *     call_tool URL                      lists the tools
 *     call_tool URL TOOL [ARGUMENTS]     calls one; the arguments are a JSON object
 *
 * Exit code: 0 done, 1 the call failed, 2 usage.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

/* Runs on this thread, while mcp_client_call waits. */
static void on_progress(void *userdata, double progress, double total, const char *message, size_t message_length) {
    int *steps = (int *)userdata;
    *steps += 1;
    if (isnan(total)) {
        fprintf(stderr, "%g", progress);
    } else {
        fprintf(stderr, "%g of %g", progress, total);
    }
    fprintf(stderr, " %.*s\n", (int)message_length, message == NULL ? "" : message);
}

static int failed(const char *what, const mcp_error *error) {
    fprintf(stderr, "%s: %s (status %d)\n", what, error->message, (int)error->status);
    return 1;
}

static int use(mcp_client client, const char *tool, const char *arguments) {
    mcp_string answer = {NULL, 0};
    mcp_error error;
    int steps = 0;
    if (tool == NULL) {
        if (mcp_client_tools(client, &answer, &error) != MCP_STATUS_OK) {
            return failed("tools", &error);
        }
    } else {
        mcp_call_settings settings;
        memset(&settings, 0, sizeof settings);
        settings.timeout_ms = 10000;
        settings.on_progress = on_progress;
        settings.userdata = &steps;
        if (mcp_client_call(client, tool, MCP_NUL_TERMINATED, arguments, MCP_NUL_TERMINATED, &settings, &answer, &error)
            != MCP_STATUS_OK) {
            return failed(tool, &error);
        }
    }
    fwrite(answer.data, 1, answer.length, stdout);
    putchar('\n');
    mcp_string_free(&answer);
    return 0;
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_error error;
    int result;
    if (argc < 2) {
        fprintf(stderr, "usage: %s URL [TOOL [ARGUMENTS]]\n", argv[0]);
        return 2;
    }
    if (mcp_options_new(argv[1], MCP_NUL_TERMINATED, &options, &error) != MCP_STATUS_OK) {
        return failed("options", &error);
    }
    mcp_options_call_timeout(options, 10000);
    result = mcp_client_connect(options, &client, &error) == MCP_STATUS_OK ? 0 : failed("connecting", &error);
    mcp_options_free(options);
    if (result == 0) {
        result = use(client, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    }
    mcp_client_free(client);
    return is_something_left(before) || result;
}
