/* Questions and late answers: a server whose tools ask their client, and a client that answers, in one process.
 *
 *     asking [REVISION]     the newest revision unless one is given, such as 2025-11-25
 *
 * A tool that asks is left and run again with the answer: nobody waits in the server meanwhile. Prints what came of each
 * call. Exit code 0: each call did as it should, and nothing was left behind.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

/* ---- The server ---- */

/* Asks first, acts afterwards. */
static void delete_all(void *userdata, mcp_call call) {
    mcp_string answer = {NULL, 0};
    mcp_error error;
    mcp_status status;
    (void)userdata;
    status = mcp_call_elicit(call, TEXT("sure"),
        TEXT("{\"message\":\"Delete all of it?\",\"requestedSchema\":{\"type\":\"object\",\"required\":[\"sure\"],"
             "\"properties\":{\"sure\":{\"type\":\"boolean\"}}}}"),
        &answer, &error);
    if (status == MCP_STATUS_ASKED) {
        return; /* The handler runs again, from its start, when the client has answered. */
    }
    if (status != MCP_STATUS_OK) {
        mcp_call_fail(call, error.message, error.message_length);
        return;
    }
    if (strstr(answer.data, "\"action\":\"accept\"") != NULL && strstr(answer.data, "\"sure\":true") != NULL) {
        mcp_call_reply_text(call, TEXT("it is gone"));
    } else {
        mcp_call_reply_text(call, TEXT("nothing was done"));
    }
    mcp_string_free(&answer);
}

/* Two questions in one round: both are asked before the handler returns. What it does before it asks it does once: the number
 * of its runs is kept from one to the next. */
static void summary(void *userdata, mcp_call call) {
    mcp_string runs = {NULL, 0}, roots = {NULL, 0}, said = {NULL, 0};
    mcp_status asked, sampled;
    char text[1024];
    long run;
    (void)userdata;
    mcp_call_kept(call, TEXT("runs"), &runs, NULL);
    run = runs.data == NULL ? 1 : strtol(runs.data, NULL, 10) + 1;
    mcp_string_free(&runs);
    snprintf(text, sizeof text, "%ld", run);
    mcp_call_keep(call, TEXT("runs"), text, MCP_NUL_TERMINATED);

    asked = mcp_call_roots(call, TEXT("where"), &roots, NULL);
    sampled = mcp_call_sample(call, TEXT("what"),
        TEXT("{\"maxTokens\":50,\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"A word?\"}}]}"),
        &said, NULL);
    if (asked == MCP_STATUS_OK && sampled == MCP_STATUS_OK) {
        snprintf(text, sizeof text, "run %ld: %s %s", run, strstr(roots.data, "file:///srv") ? "in srv," : "nowhere,",
            strstr(said.data, "calm") ? "calm" : "silence");
        mcp_call_reply_text(call, text, MCP_NUL_TERMINATED);
    }
    /* Otherwise the questions are on their way; or one came to nothing, which is then what the call fails with. */
    mcp_string_free(&roots);
    mcp_string_free(&said);
}

/* Goes on when the handler has long returned. */
static void *answer_later(void *taken) {
    mcp_deferred deferred = *(mcp_deferred *)taken;
    free(taken);
    mcp_deferred_progress(deferred, 1, 2, TEXT("half way"));
    mcp_deferred_log(deferred, 1, TEXT("still at it"));
    mcp_deferred_reply_json(deferred, TEXT("{\"late\":true}"));
    mcp_deferred_free(deferred);
    return NULL;
}

static void later(void *userdata, mcp_call call) {
    pthread_t *thread = (pthread_t *)userdata;
    mcp_deferred *deferred = (mcp_deferred *)malloc(sizeof *deferred);
    if (deferred == NULL || mcp_call_defer(call, deferred, NULL) != MCP_STATUS_OK) {
        free(deferred);
        mcp_call_fail(call, TEXT("it cannot be left for later"));
        return;
    }
    pthread_create(thread, NULL, answer_later, deferred);
}

/* Is taken along and then forgotten: the client is told so. */
static void never(void *userdata, mcp_call call) {
    mcp_deferred deferred;
    (void)userdata;
    if (mcp_call_defer(call, &deferred, NULL) == MCP_STATUS_OK) {
        mcp_deferred_free(deferred);
    }
}

static void *serve(void *bound) {
    mcp_error error;
    if (mcp_bound_run(*(mcp_bound *)bound, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "serving: %s\n", error.message);
    }
    return NULL;
}

/* ---- The client ---- */

/* A user who says yes to the first question, and no to the second. A program with a window would show the form, and may wait
 * for it here: the time that this takes is part of the call's. */
static void user(void *asked, mcp_question question) {
    const char *params = NULL;
    size_t length = 0;
    int *count = (int *)asked;
    mcp_question_params(question, &params, &length);
    printf("the user is asked: %s\n", length > 0 && strstr(params, "Delete all of it?") ? "Delete all of it?" : "?");
    if (++*count == 1) {
        mcp_question_accept(question, TEXT("{\"sure\":true}"), NULL);
    } else {
        mcp_question_decline(question);
    }
}

static void model(void *userdata, mcp_question question) {
    (void)userdata;
    mcp_question_reply(question,
        TEXT("{\"role\":\"assistant\",\"model\":\"haiku\",\"content\":{\"type\":\"text\",\"text\":\"calm\"}}"), NULL);
}

static void on_progress(void *steps, double progress, double total, const char *message, size_t length) {
    (void)total;
    *(int *)steps += 1;
    printf("progress %g: %.*s\n", progress, (int)length, message == NULL ? "" : message);
}

/* Calls a tool; 0 when its result has this text. */
static int call(mcp_client client, const char *tool, const char *expected) {
    mcp_call_settings settings;
    mcp_string result = {NULL, 0};
    mcp_error error;
    int steps = 0, is_wrong;
    memset(&settings, 0, sizeof settings);
    settings.timeout_ms = 30000;
    settings.on_progress = on_progress;
    settings.userdata = &steps;
    if (mcp_client_call(client, tool, MCP_NUL_TERMINATED, NULL, 0, &settings, &result, &error) == MCP_STATUS_OK) {
        is_wrong = strstr(result.data, expected) == NULL;
        printf("%s: %s\n", tool, is_wrong ? result.data : expected);
    } else {
        is_wrong = strstr(error.message, expected) == NULL;
        printf("%s: %s\n", tool, is_wrong ? error.message : expected);
    }
    mcp_string_free(&result);
    return is_wrong;
}

static int use(const char *url, const char *revision) {
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_error error;
    int asked = 0, is_wrong = 0;
    if (mcp_options_new(url, MCP_NUL_TERMINATED, &options, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (revision != NULL && mcp_options_revision(options, revision, MCP_NUL_TERMINATED) != MCP_STATUS_OK) {
        mcp_options_problem(options, &error);
        fprintf(stderr, "%s\n", error.message);
        mcp_options_free(options);
        return 1;
    }
    mcp_options_on_elicitation(options, user, &asked, NULL);
    mcp_options_on_sampling(options, model, NULL, NULL);
    mcp_options_add_root(options, TEXT("file:///srv"), TEXT("srv"));
    if (mcp_client_connect(options, &client, &error) == MCP_STATUS_OK) {
        is_wrong |= call(client, "delete_all", "it is gone");
        is_wrong |= call(client, "delete_all", "nothing was done");
        is_wrong |= call(client, "summary", "run 2: in srv, calm");
        is_wrong |= call(client, "later", "\"late\":true");
        is_wrong |= call(client, "never", "the tool gave no answer");
    } else {
        fprintf(stderr, "connecting: %s\n", error.message);
        is_wrong = 1;
    }
    mcp_options_free(options);
    mcp_client_free(client);
    return is_wrong || asked != 2;
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_server server = {0};
    mcp_bound bound = {0};
    mcp_string url = {NULL, 0};
    mcp_error error;
    pthread_t serving, answering;
    int is_wrong;
    if (mcp_server_new(TEXT("asking"), TEXT("1.0.0"), &server, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mcp_server_add_tool(server, TEXT("delete_all"), TEXT("Deletes all of it"), NULL, 0, 0, delete_all, NULL, NULL);
    mcp_server_add_tool(server, TEXT("summary"), TEXT("Asks the model"), NULL, 0, 1, summary, NULL, NULL);
    mcp_server_add_tool(server, TEXT("later"), TEXT("Takes its time"), NULL, 0, 0, later, &answering, NULL);
    mcp_server_add_tool(server, TEXT("never"), TEXT("Forgets its call"), NULL, 0, 0, never, NULL, NULL);
    if (mcp_server_bind(server, TEXT("127.0.0.1:0"), &bound, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        mcp_server_free(server);
        return 1;
    }
    mcp_server_free(server);
    mcp_bound_url(bound, &url, NULL);
    pthread_create(&serving, NULL, serve, &bound);
    is_wrong = use(url.data, argc > 1 ? argv[1] : NULL);
    mcp_string_free(&url);
    mcp_bound_stop(bound);
    pthread_join(serving, NULL);
    mcp_bound_free(bound);
    if (!is_wrong) {
        pthread_join(answering, NULL);
    }
    return is_something_left(before) || is_wrong;
}
