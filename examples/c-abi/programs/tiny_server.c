/* A server: two tools and a resource, on a thread of the library's own making: the one that calls mcp_bound_run.
 *
 *     tiny_server [ADDRESS]     prints its URL, and serves until its standard input ends
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

/* {"a":1,"b":2}: a program with more than this to read would use a JSON library. */
static int number(const char *json, size_t length, char name, long *value) {
    size_t i;
    for (i = 0; i + 4 < length; i++) {
        if (json[i] == '"' && json[i + 1] == name && json[i + 2] == '"' && json[i + 3] == ':') {
            char digits[32];
            size_t n = length - i - 4;
            if (n >= sizeof digits) {
                n = sizeof digits - 1;
            }
            memcpy(digits, json + i + 4, n);
            digits[n] = 0;
            *value = strtol(digits, NULL, 10);
            return 1;
        }
    }
    return 0;
}

static void add(void *userdata, mcp_call call) {
    const char *json = NULL;
    size_t length = 0;
    long a = 0, b = 0;
    char sum[64];
    (void)userdata;
    if (mcp_call_arguments(call, &json, &length) != MCP_STATUS_OK || !number(json, length, 'a', &a)
        || !number(json, length, 'b', &b)) {
        mcp_call_fail(call, TEXT("a and b are wanted"));
        return;
    }
    snprintf(sum, sizeof sum, "%ld", a + b);
    mcp_call_reply_text(call, sum, MCP_NUL_TERMINATED);
}

typedef struct {
    pthread_mutex_t lock;
    int count;
} calls;

/* On a worker: it may take its time without holding anybody up. Several may run it at once, so what they share is locked. */
static void count(void *userdata, mcp_call call) {
    int step;
    calls *all = (calls *)userdata;
    pthread_mutex_lock(&all->lock);
    all->count++;
    pthread_mutex_unlock(&all->lock);
    for (step = 1; step <= 3 && !mcp_call_is_cancelled(call); step++) {
        mcp_call_progress(call, step, 3, TEXT("counting"));
    }
    mcp_call_log(call, 1, TEXT("counted"));
    mcp_call_reply_json(call, TEXT("{\"counted\":3}"));
}

static void released(void *userdata) {
    calls *all = (calls *)userdata;
    fprintf(stderr, "released after %d calls\n", all->count);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static void *wait_for_end(void *bound) {
    while (getchar() != EOF) {
    }
    mcp_bound_stop(*(mcp_bound *)bound);
    return NULL;
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_server server = {0};
    mcp_bound bound = {0};
    mcp_string url = {NULL, 0};
    mcp_error error;
    pthread_t input;
    mcp_status status;
    calls *all = (calls *)calloc(1, sizeof *all);
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:0";

    if (all == NULL) {
        return 1;
    }
    pthread_mutex_init(&all->lock, NULL);
    if (mcp_server_new(TEXT("tiny"), TEXT("1.0.0"), &server, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        released(all);
        return 1;
    }
    mcp_server_add_tool(server, TEXT("add"), TEXT("Adds a and b"),
        TEXT("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}},"
             "\"required\":[\"a\",\"b\"]}"),
        0, add, NULL, NULL);
    mcp_server_add_tool(server, TEXT("count"), TEXT("Counts to three"), NULL, 0, 1, count, all, released);
    mcp_server_add_resource(server, TEXT("tiny://about"), TEXT("about"), TEXT("text/plain"), TEXT("a server in C"));

    status = mcp_server_bind(server, address, MCP_NUL_TERMINATED, &bound, &error);
    mcp_server_free(server);
    if (status != MCP_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", address, error.message);
        return 1;
    }
    mcp_bound_url(bound, &url, NULL);
    printf("%s\n", url.data);
    fflush(stdout);
    mcp_string_free(&url);

    pthread_create(&input, NULL, wait_for_end, &bound);
    status = mcp_bound_run(bound, &error);
    if (status != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
    }
    pthread_join(input, NULL);
    mcp_bound_free(bound);
    return is_something_left(before) || status != MCP_STATUS_OK;
}
