/* Callbacks that run many times: what the library keeps for each while it runs is gone afterwards. A server and a client in one
 * process.
 *
 *     many_times
 *
 * Prints how much more memory is in use after many rounds. Exit code 0: not much, and nothing was left behind. Only where the C
 * library tells how much there is (glibc); elsewhere it is 0.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define ROUNDS 200
/* What each of them is about: if one were kept, this would be seen. */
#define PADDING 4096
/* What may be more: the threads of the library keep a little for themselves. */
#define SLACK (ROUNDS * PADDING / 4)

static char padding[PADDING + 1];

/* ---- The server ---- */

static void ask(void *userdata, mcp_call call) {
    char params[PADDING + 256];
    mcp_string answer = {NULL, 0};
    mcp_error error;
    mcp_status status;
    (void)userdata;
    snprintf(params, sizeof params,
        "{\"maxTokens\":50,\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"%s\"}}]}", padding);
    status = mcp_call_sample(call, TEXT("what"), params, MCP_NUL_TERMINATED, &answer, &error);
    if (status == MCP_STATUS_OK) {
        mcp_call_reply_text(call, TEXT("answered"));
    } else if (status != MCP_STATUS_ASKED) {
        mcp_call_fail(call, error.message, error.message_length);
    }
    mcp_string_free(&answer);
}

static void later(void *userdata, mcp_call call) {
    mcp_deferred deferred;
    (void)userdata;
    if (mcp_call_defer(call, &deferred, NULL) == MCP_STATUS_OK) {
        mcp_deferred_reply_text(deferred, padding, PADDING);
        mcp_deferred_free(deferred);
    }
}

static void praise(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_reply_text(call, TEXT("Praise it."));
}

static void propose(void *userdata, mcp_completion completion) {
    const char *typed = NULL;
    size_t length = 0;
    (void)userdata;
    mcp_completion_typed(completion, &typed, &length);
    if (length == PADDING) {
        mcp_completion_propose(completion, TEXT("proposed"));
    }
}

static void *serve(void *bound) {
    mcp_bound_run(*(mcp_bound *)bound, NULL);
    return NULL;
}

/* ---- The client ---- */

static void model(void *userdata, mcp_question question) {
    (void)userdata;
    mcp_question_reply(question,
        TEXT("{\"role\":\"assistant\",\"model\":\"haiku\",\"content\":{\"type\":\"text\",\"text\":\"calm\"}}"), NULL);
}

static void give_token(void *userdata, mcp_credentials credentials) {
    (void)userdata;
    mcp_credentials_bearer(credentials, TEXT("token"));
}

static int is_missing(const char *what, mcp_status status, mcp_string *found, const mcp_error *error, const char *part) {
    int is_wrong = status != MCP_STATUS_OK || strstr(found->data, part) == NULL;
    if (is_wrong) {
        fprintf(stderr, "%s: %s\n", what, status == MCP_STATUS_OK ? found->data : error->message);
    }
    mcp_string_free(found);
    return is_wrong;
}

static int use(mcp_client client, int rounds) {
    mcp_string found = {NULL, 0};
    mcp_error error;
    mcp_status status;
    int is_wrong = 0;
    while (rounds-- > 0 && !is_wrong) {
        status = mcp_client_call(client, TEXT("ask"), NULL, 0, NULL, &found, &error);
        is_wrong |= is_missing("ask", status, &found, &error, "answered");
        status = mcp_client_call(client, TEXT("later"), NULL, 0, NULL, &found, &error);
        is_wrong |= is_missing("later", status, &found, &error, "xxx");
        status = mcp_client_complete(client, TEXT("praise"), TEXT("drink"), padding, PADDING, &found, &error);
        is_wrong |= is_missing("proposals", status, &found, &error, "proposed");
    }
    return is_wrong;
}

static int use_many_times(const char *url) {
    /* Requests for credentials have the whole of it. */
    char long_url[PADDING + 256];
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_error error;
    int is_wrong = 1;
    size_t before;
    long more;
    snprintf(long_url, sizeof long_url, "%s?%s", url, padding);
    if (mcp_options_new(long_url, MCP_NUL_TERMINATED, &options, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mcp_options_on_sampling(options, model, NULL, NULL);
    mcp_options_on_credentials(options, give_token, NULL, NULL);
    if (mcp_client_connect(options, &client, &error) == MCP_STATUS_OK) {
        /* What is there for all of them comes with the first. */
        is_wrong = use(client, 20);
        before = heap_in_use();
        is_wrong |= use(client, ROUNDS);
        more = (long)heap_in_use() - (long)before;
        printf("%ld bytes more after %d rounds\n", more, ROUNDS);
        is_wrong |= more > SLACK;
    } else {
        fprintf(stderr, "connecting: %s\n", error.message);
    }
    mcp_options_free(options);
    mcp_client_free(client);
    return is_wrong;
}

int main(void) {
    const counts before = count_all();
    mcp_server server = {0};
    mcp_bound bound = {0};
    mcp_string url = {NULL, 0};
    mcp_error error;
    pthread_t serving;
    int is_wrong;
    memset(padding, 'x', PADDING);
    if (mcp_server_new(TEXT("many-times"), TEXT("1.0.0"), &server, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mcp_server_add_tool(server, TEXT("ask"), NULL, 0, NULL, 0, 1, ask, NULL, NULL);
    mcp_server_add_tool(server, TEXT("later"), NULL, 0, NULL, 0, 0, later, NULL, NULL);
    mcp_server_add_prompt_json(server, TEXT("{\"name\":\"praise\",\"arguments\":[{\"name\":\"drink\"}]}"), 0, praise, propose, NULL,
        NULL, NULL);
    if (mcp_server_bind(server, TEXT("127.0.0.1:0"), &bound, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        mcp_server_free(server);
        return 1;
    }
    mcp_server_free(server);
    mcp_bound_url(bound, &url, NULL);
    pthread_create(&serving, NULL, serve, &bound);
    is_wrong = use_many_times(url.data);
    mcp_string_free(&url);
    mcp_bound_stop(bound);
    pthread_join(serving, NULL);
    mcp_bound_free(bound);
    return is_something_left(before) || is_wrong;
}
