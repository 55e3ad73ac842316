/* Everything that a caller should not do: each is answered, and nothing crashes.
 *
 *     misuse URL     the URL of a server with a tool `add`
 *
 * Exit code 0: each was answered as the header says.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

static int wrong = 0;

static void expect(const char *what, mcp_status wanted, mcp_status found) {
    if (wanted != found) {
        printf("%s: status %d in place of %d\n", what, (int)found, (int)wanted);
        wrong = 1;
    }
}

/* What the last function said that takes no mcp_error. */
static void expect_problem(const char *what, mcp_status wanted, const char *part) {
    mcp_error error;
    expect(what, wanted, mcp_last_problem(&error));
    if (strstr(error.message, part) == NULL) {
        printf("%s: no `%s` in: %s\n", what, part, error.message);
        wrong = 1;
    }
}

/* Calls until the client is closed by another thread. */
static void *call_until_closed(void *shared) {
    mcp_client client = *(mcp_client *)shared;
    mcp_status status = MCP_STATUS_OK;
    mcp_error error;
    while (status == MCP_STATUS_OK) {
        mcp_string answer;
        status = mcp_client_call(client, TEXT("add"), TEXT("{\"a\":1,\"b\":2}"), NULL, &answer, &error);
        mcp_string_free(&answer);
    }
    if (status != MCP_STATUS_CLOSED && status != MCP_STATUS_HANDLE && status != MCP_STATUS_CANCELLED) {
        printf("a call that was closed: status %d, %s\n", (int)status, error.message);
        wrong = 1;
    }
    return NULL;
}

static mcp_client connect_to(const char *url) {
    mcp_options options;
    mcp_client client = {0};
    mcp_error error;
    expect("options", MCP_STATUS_OK, mcp_options_new(url, MCP_NUL_TERMINATED, &options, NULL));
    if (mcp_client_connect(options, &client, &error) != MCP_STATUS_OK) {
        printf("connecting: %s\n", error.message);
        wrong = 1;
    }
    expect("options that were used", MCP_STATUS_STATE, mcp_client_connect(options, &client, &error));
    expect("a setting that comes too late", MCP_STATUS_STATE, mcp_options_bearer(options, TEXT("late")));
    mcp_options_free(options);
    mcp_options_free(options);
    return client;
}

static void nothing_at_all(void) {
    const mcp_options no_options = {0};
    const mcp_client no_client = {0};
    const mcp_server no_server = {0};
    const mcp_connection no_connection = {0, 0};
    mcp_options options;
    mcp_string answer;
    mcp_error error;

    expect("nothing was wrong yet", MCP_STATUS_OK, mcp_last_problem(&error));
    expect("NULL for a URL", MCP_STATUS_NULL, mcp_options_new(NULL, 0, &options, &error));
    if (strstr(error.message, "NULL") == NULL || error.message_length != strlen(error.message)) {
        printf("the message says nothing: %s\n", error.message);
        wrong = 1;
    }
    expect("NULL for a result", MCP_STATUS_NULL, mcp_options_new(TEXT("http://localhost/"), NULL, NULL));
    expect("no UTF-8", MCP_STATUS_UTF8, mcp_options_new(TEXT("http://\xff\xfe/"), &options, NULL));
    expect("no options", MCP_STATUS_HANDLE, mcp_options_bearer(no_options, TEXT("x")));
    expect_problem("what was wrong with them", MCP_STATUS_HANDLE, "options");
    expect("no client", MCP_STATUS_HANDLE, mcp_client_tools(no_client, &answer, &error));
    expect("as large as memory", MCP_STATUS_USAGE, mcp_options_new("http://localhost/", (size_t)-2, &options, &error));
    expect("no client to close", MCP_STATUS_HANDLE, mcp_client_close(no_client));
    expect("no server", MCP_STATUS_HANDLE, mcp_server_serve_stdio(no_server, NULL));
    expect("no connection", MCP_STATUS_HANDLE, mcp_server_connection_feed(no_connection, NULL, 0));
    mcp_client_free(no_client);
    mcp_options_free(no_options);
    mcp_server_free(no_server);
    mcp_server_connection_free(no_connection);
    mcp_string_free(NULL);
    mcp_string_free(&answer);
}

static void of_another_kind(void) {
    mcp_options options;
    mcp_client client;
    mcp_string answer;
    expect("options", MCP_STATUS_OK, mcp_options_new(TEXT("http://127.0.0.1:1/"), &options, NULL));
    client.id = options.id;
    expect("options as a client", MCP_STATUS_HANDLE, mcp_client_tools(client, &answer, NULL));
    mcp_options_free(options);
    expect("freed options", MCP_STATUS_HANDLE, mcp_options_call_timeout(options, 1));
}

static void out_of_a_handler(void) {
    mcp_call call = {1};
    const char *text;
    size_t length;
    expect("a call that is none", MCP_STATUS_HANDLE, mcp_call_name(call, &text, &length));
    expect("an answer to nobody", MCP_STATUS_HANDLE, mcp_call_reply_text(call, TEXT("x")));
    expect_problem("why nobody is answered", MCP_STATUS_HANDLE, "the call is none");
}

static void a_server_that_cannot_be(void) {
    mcp_server server;
    mcp_bound bound;
    mcp_engine engine;
    mcp_error error;
    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("s"), TEXT("1"), &server, NULL));
    expect("a tool without a handler", MCP_STATUS_NULL,
        mcp_server_add_tool(server, TEXT("t"), NULL, 0, NULL, 0, 0, NULL, NULL, NULL));
    expect("an address that is none", MCP_STATUS_TRANSPORT, mcp_server_bind(server, TEXT("nowhere"), &bound, &error));
    expect("a server that was used up", MCP_STATUS_STATE, mcp_server_engine(server, &engine, &error));
    mcp_server_free(server);
    mcp_server_free(server);

    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("s"), TEXT("1"), &server, NULL));
    expect("everybody without a token", MCP_STATUS_USAGE, mcp_server_bind(server, TEXT("0.0.0.0:0"), &bound, &error));
    mcp_server_free(server);
}

/* A handler that uses the engine that it runs in. */
static void inside(void *engine, mcp_call call) {
    expect("an engine from within", MCP_STATUS_STATE, mcp_engine_stop(*(mcp_engine *)engine));
    mcp_call_reply_text(call, TEXT("inside"));
    expect("a second answer", MCP_STATUS_STATE, mcp_call_reply_text(call, TEXT("again")));
}

static void an_engine_from_within(void) {
    static const char request[] =
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
        "Mcp-Name: t\r\nContent-Length: 202\r\n\r\n"
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"arguments\":{},\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}      ";
    mcp_server server;
    mcp_engine engine;
    mcp_connection connection;
    char answer[2048];
    size_t length = 0;
    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("s"), TEXT("1"), &server, NULL));
    expect("a tool", MCP_STATUS_OK,
        mcp_server_add_tool(server, TEXT("t"), NULL, 0, NULL, 0, 0, inside, &engine, NULL));
    expect("an engine", MCP_STATUS_OK, mcp_server_engine(server, &engine, NULL));
    expect("a connection", MCP_STATUS_OK, mcp_server_connection_new(engine, &connection, NULL));
    /* The length of a `read` that failed. */
    expect("less than nothing", MCP_STATUS_USAGE,
        mcp_server_connection_feed(connection, (const uint8_t *)request, (size_t)-1));
    expect_problem("why it is less than nothing", MCP_STATUS_USAGE, "what came");
    expect("a request", MCP_STATUS_OK,
        mcp_server_connection_feed(connection, (const uint8_t *)request, sizeof request - 1));
    mcp_server_connection_output(connection, answer, sizeof answer - 1, &length);
    answer[length] = 0;
    if (strstr(answer, "inside") == NULL) {
        printf("no answer from within: %s\n", answer);
        wrong = 1;
    }
    mcp_server_connection_free(connection);
    mcp_server_connection_free(connection);
    mcp_engine_free(engine);
    mcp_server_free(server);
}

/* ---- Questions, late answers, descriptions ---- */

static void nothing_new(void) {
    const mcp_options no_options = {0};
    const mcp_client no_client = {0};
    const mcp_server no_server = {0};
    const mcp_bound no_bound = {0};
    const mcp_engine no_engine = {0};
    const mcp_call no_call = {0};
    const mcp_question no_question = {0};
    const mcp_deferred no_deferred = {0};
    const mcp_subscription no_subscription = {0};
    const mcp_completion no_completion = {0};
    const mcp_credentials no_credentials = {0};
    const char *text;
    size_t length;
    mcp_string answer;
    mcp_change change;
    mcp_subscription subscription;
    mcp_deferred deferred;
    mcp_error error;

    expect("no question", MCP_STATUS_HANDLE, mcp_question_params(no_question, &text, &length));
    expect("no question to answer", MCP_STATUS_HANDLE, mcp_question_reply(no_question, TEXT("{}"), &error));
    expect("no question to accept", MCP_STATUS_HANDLE, mcp_question_accept(no_question, NULL, 0, &error));
    expect("no question to decline", MCP_STATUS_HANDLE, mcp_question_decline(no_question));
    expect("no question to dismiss", MCP_STATUS_HANDLE, mcp_question_cancel(no_question));
    expect("no question to fail", MCP_STATUS_HANDLE, mcp_question_fail(no_question, TEXT("x")));
    expect("no call to ask", MCP_STATUS_HANDLE, mcp_call_elicit(no_call, TEXT("k"), TEXT("{}"), &answer, &error));
    expect("no place for an answer", MCP_STATUS_NULL, mcp_call_roots(no_call, TEXT("k"), NULL, &error));
    expect("no call to keep for", MCP_STATUS_HANDLE, mcp_call_keep(no_call, TEXT("k"), TEXT("1")));
    expect("no call that kept", MCP_STATUS_HANDLE, mcp_call_kept(no_call, TEXT("k"), &answer, &error));
    expect("no call to defer", MCP_STATUS_HANDLE, mcp_call_defer(no_call, &deferred, &error));
    expect("no place for a deferred call", MCP_STATUS_NULL, mcp_call_defer(no_call, NULL, NULL));
    expect("no deferred call", MCP_STATUS_HANDLE, mcp_deferred_reply_text(no_deferred, TEXT("x")));
    expect("no deferred call to tell of", MCP_STATUS_HANDLE, mcp_deferred_progress(no_deferred, 1, 2, NULL, 0));
    if (mcp_deferred_is_cancelled(no_deferred) != 1 || mcp_call_offers(no_call) != 0 || mcp_call_session(no_call) != 0) {
        printf("what is none is told apart\n");
        wrong = 1;
    }
    mcp_deferred_free(no_deferred);
    expect("no subscription", MCP_STATUS_HANDLE, mcp_subscription_next(no_subscription, 0, &change, &answer, &error));
    expect("no place for a change", MCP_STATUS_NULL, mcp_subscription_next(no_subscription, 0, NULL, &answer, &error));
    mcp_subscription_free(no_subscription);
    expect("nobody to listen to", MCP_STATUS_HANDLE, mcp_client_listen(no_client, TEXT("{}"), &subscription, &error));
    expect("nobody to ask", MCP_STATUS_HANDLE,
        mcp_client_request_with(no_client, TEXT("ping"), NULL, 0, NULL, &answer, &error));
    expect("nobody to tell of roots", MCP_STATUS_HANDLE, mcp_client_set_roots(no_client, TEXT("[]"), &error));
    expect("no completion", MCP_STATUS_HANDLE, mcp_completion_propose(no_completion, TEXT("x")));
    expect("no credentials", MCP_STATUS_HANDLE, mcp_credentials_bearer(no_credentials, TEXT("x")));
    expect("no options to ask by", MCP_STATUS_HANDLE, mcp_options_on_elicitation(no_options, NULL, NULL, NULL));
    expect("no options with a problem", MCP_STATUS_HANDLE, mcp_options_problem(no_options, &error));
    expect("no server with a problem", MCP_STATUS_HANDLE, mcp_server_problem(no_server, &error));
    expect("no server that listens", MCP_STATUS_HANDLE, mcp_bound_tools_changed(no_bound));
    expect("no server that runs", MCP_STATUS_HANDLE, mcp_bound_remove_tool(no_bound, TEXT("t"), &error));
    expect("no server to offer more", MCP_STATUS_HANDLE,
        mcp_bound_add_tool_json(no_bound, TEXT("{}"), 0, NULL, NULL, NULL, &error));
    expect("no engine to wake for", MCP_STATUS_HANDLE, mcp_engine_on_wake(no_engine, NULL, NULL, NULL));
    expect("no engine that changed", MCP_STATUS_HANDLE, mcp_engine_tools_changed(no_engine));
}

static int releases = 0;

static void count_release(void *userdata) {
    (void)userdata;
    releases++;
}

/* Is released by a change of the server, and uses it. */
static void release_within(void *server) {
    mcp_error error;
    releases++;
    expect("a change within a change", MCP_STATUS_STATE, mcp_server_instructions(*(mcp_server *)server, TEXT("x")));
    expect("the problem of it", MCP_STATUS_STATE, mcp_server_problem(*(mcp_server *)server, &error));
}

static void out_of_place(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_fail(call, TEXT("it was never offered"));
}

static void settings_that_are_refused(void) {
    mcp_options options;
    mcp_server server;
    mcp_error error;
    expect("options", MCP_STATUS_OK, mcp_options_new(TEXT("http://127.0.0.1:1/"), &options, NULL));
    expect("no problem", MCP_STATUS_OK, mcp_options_problem(options, &error));
    expect("nobody to ask", MCP_STATUS_NULL, mcp_options_on_sampling(options, NULL, NULL, count_release));
    expect("nobody to ask for credentials", MCP_STATUS_NULL, mcp_options_on_credentials(options, NULL, NULL, count_release));
    if (releases != 2) {
        printf("released %d times in place of 2\n", releases);
        wrong = 1;
    }
    expect("the problem", MCP_STATUS_NULL, mcp_options_problem(options, &error));
    if (strstr(error.message, "callback") == NULL) {
        printf("the problem says nothing: %s\n", error.message);
        wrong = 1;
    }
    expect("an argument without a program", MCP_STATUS_STATE, mcp_options_pass_env(options, TEXT("HOME")));
    mcp_options_free(options);

    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("s"), TEXT("1"), &server, NULL));
    expect("a tool that is no JSON", MCP_STATUS_JSON,
        mcp_server_add_tool_json(server, TEXT("{"), 0, out_of_place, NULL, count_release, &error));
    expect("a tool without a schema", MCP_STATUS_JSON,
        mcp_server_add_tool_json(server, TEXT("{\"name\":\"t\"}"), 0, out_of_place, NULL, count_release, &error));
    expect("a template without a handler", MCP_STATUS_NULL,
        mcp_server_add_resource_template_json(server, TEXT("{}"), 0, NULL, NULL, NULL, count_release, &error));
    expect("bytes without a name", MCP_STATUS_JSON,
        mcp_server_add_resource_bytes(server, TEXT("{}"), NULL, 0, &error));
    expect("bytes that end with their first NUL", MCP_STATUS_USAGE,
        mcp_server_add_resource_bytes(server, TEXT("{\"uri\":\"a:b\",\"name\":\"b\"}"), (const uint8_t *)"x",
            MCP_NUL_TERMINATED, &error));
    expect("the problem of a server", MCP_STATUS_USAGE, mcp_server_problem(server, &error));
    if (releases != 5) {
        printf("released %d times in place of 5\n", releases);
        wrong = 1;
    }
    expect("a tool", MCP_STATUS_OK,
        mcp_server_add_tool(server, TEXT("twice"), NULL, 0, NULL, 0, 0, out_of_place, NULL, NULL));
    expect("a tool of the same name", MCP_STATUS_OK,
        mcp_server_add_tool(server, TEXT("twice"), NULL, 0, NULL, 0, 0, out_of_place, &server, release_within));
    expect("a change after it", MCP_STATUS_OK, mcp_server_instructions(server, TEXT("x")));
    if (releases != 6) {
        printf("released %d times in place of 6\n", releases);
        wrong = 1;
    }
    mcp_server_free(server);
}

/* A server whose handlers do it wrong, and a client that has to hear of each. */
static mcp_call escaped;
static mcp_deferred left_open;

static void answers_after_asking(void *userdata, mcp_call call) {
    mcp_string answer = {NULL, 0};
    mcp_error error;
    mcp_status status;
    (void)userdata;
    expect("a question that is no JSON", MCP_STATUS_JSON, mcp_call_elicit(call, TEXT("k"), TEXT("{"), &answer, &error));
    expect("a question without a key", MCP_STATUS_NULL, mcp_call_roots(call, NULL, 0, &answer, &error));
    status = mcp_call_roots(call, TEXT("k"), &answer, &error);
    if (status == MCP_STATUS_ASKED) {
        mcp_deferred deferred;
        expect("an answer before the answer", MCP_STATUS_STATE, mcp_call_reply_text(call, TEXT("x")));
        expect("a failure before the answer", MCP_STATUS_STATE, mcp_call_fail(call, TEXT("x")));
        expect("left for later before the answer", MCP_STATUS_STATE, mcp_call_defer(call, &deferred, &error));
        return;
    }
    expect("the answer", MCP_STATUS_OK, status);
    mcp_string_free(&answer);
    expect("answering", MCP_STATUS_OK, mcp_call_reply_text(call, TEXT("asked and answered")));
    expect("a question after the answer", MCP_STATUS_STATE, mcp_call_roots(call, TEXT("k"), &answer, &error));
}

/* The client offers no sampling: the reason is what the call fails with. */
static void asks_in_vain(void *userdata, mcp_call call) {
    mcp_string answer;
    (void)userdata;
    expect("a model that is none", MCP_STATUS_INPUT,
        mcp_call_sample(call, TEXT("k"), TEXT("{\"messages\":[],\"maxTokens\":1}"), &answer, NULL));
}

static void says_nothing(void *userdata, mcp_call call) {
    (void)userdata;
    escaped = call;
}

static void answers_twice(void *userdata, mcp_call call) {
    mcp_error error;
    (void)userdata;
    expect("a call of before", MCP_STATUS_HANDLE, mcp_call_reply_text(escaped, TEXT("x")));
    expect("bytes of a tool", MCP_STATUS_USAGE, mcp_call_reply_bytes(call, NULL, 0));
    expect("a missing tool", MCP_STATUS_USAGE, mcp_call_reply_missing(call));
    expect("a result that is none", MCP_STATUS_JSON, mcp_call_reply_result(call, TEXT("{\"content\":1}")));
    expect_problem("why it is none", MCP_STATUS_JSON, "column 12");
    expect("taking it along", MCP_STATUS_OK, mcp_call_defer(call, &left_open, &error));
    expect("taking it along twice", MCP_STATUS_STATE, mcp_call_defer(call, &left_open, &error));
    expect("an answer to what was taken along", MCP_STATUS_STATE, mcp_call_reply_text(call, TEXT("x")));
    expect("a late answer that is no JSON", MCP_STATUS_JSON, mcp_deferred_reply_result(left_open, TEXT("[]")));
    expect_problem("why it is no JSON", MCP_STATUS_JSON, "not the JSON that is wanted");
    expect("a late answer", MCP_STATUS_OK, mcp_deferred_reply_text(left_open, TEXT("later")));
    expect("a late answer, again", MCP_STATUS_STATE, mcp_deferred_fail(left_open, TEXT("x")));
    expect("progress of what is over", MCP_STATUS_STATE, mcp_deferred_progress(left_open, 1, 2, NULL, 0));
    mcp_deferred_free(left_open);
    mcp_deferred_free(left_open);
    expect("a late answer to nobody", MCP_STATUS_HANDLE, mcp_deferred_reply_text(left_open, TEXT("x")));
}

static void a_tool_for_a_prompt(void *userdata, mcp_call call) {
    mcp_deferred deferred;
    (void)userdata;
    expect("a prompt for later", MCP_STATUS_USAGE, mcp_call_defer(call, &deferred, NULL));
    expect("a prompt of a tool", MCP_STATUS_JSON, mcp_call_reply_result(call, TEXT("{\"content\":[]}")));
    expect("a prompt", MCP_STATUS_OK, mcp_call_reply_result(call, TEXT("{\"messages\":[]}")));
}

static void bytes_of_any_length(void *userdata, mcp_call call) {
    (void)userdata;
    expect("bytes that end with their first NUL", MCP_STATUS_USAGE,
        mcp_call_reply_bytes(call, (const uint8_t *)"x", MCP_NUL_TERMINATED));
    expect("bytes", MCP_STATUS_OK, mcp_call_reply_bytes(call, (const uint8_t *)"x", 1));
}

/* Roots are asked for: everything that is no answer, and then one. */
static mcp_question gone;

static void answer_wrongly(void *userdata, mcp_question question) {
    mcp_error error;
    (void)userdata;
    gone = question;
    expect("an answer that is none", MCP_STATUS_JSON, mcp_question_reply(question, TEXT("{\"roots\":1}"), &error));
    expect("a form that is none", MCP_STATUS_USAGE, mcp_question_accept(question, NULL, 0, &error));
    expect("an answer", MCP_STATUS_OK, mcp_question_reply(question, TEXT("{\"roots\":[]}"), &error));
    expect("an answer, again", MCP_STATUS_STATE, mcp_question_decline(question));
}

/* Waits for a change that never comes, until the subscription is freed. */
static void *wait_for_changes(void *subscription) {
    mcp_change change = MCP_CHANGE_NONE;
    mcp_status status;
    do {
        /* The other thread may look at this very moment. */
        status = mcp_subscription_next(*(mcp_subscription *)subscription, -1, &change, NULL, NULL);
    } while (status == MCP_STATUS_STATE);
    expect("waiting until the end", status == MCP_STATUS_HANDLE ? MCP_STATUS_HANDLE : MCP_STATUS_OK, status);
    if (status == MCP_STATUS_OK && change != MCP_CHANGE_OVER) {
        printf("change %d in place of the end\n", (int)change);
        wrong = 1;
    }
    return NULL;
}

/* Two threads with one subscription: the second does not wait for longer than it wanted to. */
static void two_that_wait(mcp_client client) {
    mcp_subscription subscription = {0};
    mcp_change change;
    mcp_string text;
    mcp_error error;
    pthread_t waiting;
    mcp_status status;
    expect("listening", MCP_STATUS_OK,
        mcp_client_listen(client, TEXT("{\"promptsListChanged\":true}"), &subscription, &error));
    pthread_create(&waiting, NULL, wait_for_changes, &subscription);
    do {
        status = mcp_subscription_next(subscription, 0, &change, NULL, &error);
    } while (status == MCP_STATUS_OK);
    expect("a second thread", MCP_STATUS_STATE, status);
    expect("what is told of, meanwhile", MCP_STATUS_OK, mcp_subscription_acknowledged(subscription, &text, &error));
    if (text.data == NULL || strstr(text.data, "promptsListChanged") == NULL) {
        printf("what is told of: %s\n", text.data == NULL ? "nothing" : text.data);
        wrong = 1;
    }
    mcp_string_free(&text);
    mcp_subscription_free(subscription);
    pthread_join(waiting, NULL);
}

static void *run_bound(void *bound) {
    expect("running", MCP_STATUS_OK, mcp_bound_run(*(mcp_bound *)bound, NULL));
    expect("running twice", MCP_STATUS_STATE, mcp_bound_run(*(mcp_bound *)bound, NULL));
    return NULL;
}

static void expect_result(mcp_client client, const char *tool, const char *expected) {
    mcp_string result = {NULL, 0};
    mcp_error error;
    const char *found;
    memset(&error, 0, sizeof error);
    mcp_client_call(client, tool, MCP_NUL_TERMINATED, NULL, 0, NULL, &result, &error);
    found = result.data == NULL ? error.message : result.data;
    if (strstr(found, expected) == NULL) {
        printf("%s: %s\n", tool, found);
        wrong = 1;
    }
    mcp_string_free(&result);
}

static void handlers_that_do_it_wrong(const char *revision) {
    mcp_server server;
    mcp_bound bound;
    mcp_options options;
    mcp_client client;
    mcp_subscription subscription;
    mcp_change change;
    mcp_string text = {NULL, 0};
    mcp_error error;
    pthread_t serving;
    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("wrong"), TEXT("1"), &server, NULL));
    mcp_server_add_tool(server, TEXT("answers_after_asking"), NULL, 0, NULL, 0, 0, answers_after_asking, NULL, NULL);
    mcp_server_add_tool(server, TEXT("asks_in_vain"), NULL, 0, NULL, 0, 0, asks_in_vain, NULL, NULL);
    mcp_server_add_tool(server, TEXT("says_nothing"), NULL, 0, NULL, 0, 0, says_nothing, NULL, NULL);
    mcp_server_add_tool(server, TEXT("answers_twice"), NULL, 0, NULL, 0, 1, answers_twice, NULL, NULL);
    mcp_server_add_prompt(server, TEXT("prompt"), NULL, 0, a_tool_for_a_prompt, NULL, NULL);
    mcp_server_add_resource_with(server, TEXT("a:b"), TEXT("b"), NULL, 0, bytes_of_any_length, NULL, NULL);
    expect("binding", MCP_STATUS_OK, mcp_server_bind(server, TEXT("127.0.0.1:0"), &bound, &error));
    mcp_server_free(server);
    mcp_bound_url(bound, &text, NULL);
    pthread_create(&serving, NULL, run_bound, &bound);

    expect("options", MCP_STATUS_OK, mcp_options_new(text.data, text.length, &options, NULL));
    mcp_string_free(&text);
    mcp_options_revision(options, revision, MCP_NUL_TERMINATED);
    expect("somebody to ask", MCP_STATUS_OK, mcp_options_on_roots(options, answer_wrongly, NULL, NULL));
    expect("connecting", MCP_STATUS_OK, mcp_client_connect(options, &client, &error));
    mcp_options_free(options);
    expect("a tool of no name that is gone", MCP_STATUS_NULL, mcp_bound_remove_tool(bound, NULL, 0, &error));
    expect("a tool that never was", MCP_STATUS_OK, mcp_bound_remove_tool(bound, TEXT("never"), &error));
    expect("a tool without a handler", MCP_STATUS_NULL,
        mcp_bound_add_tool_json(bound, TEXT("{\"name\":\"t\",\"inputSchema\":{}}"), 0, NULL, NULL, NULL, &error));
    expect("one more prompt of that name", MCP_STATUS_OK,
        mcp_bound_add_prompt_json(bound, TEXT("{\"name\":\"prompt\"}"), 0, says_nothing, NULL, NULL, NULL, &error));
    expect_result(client, "answers_after_asking", "asked and answered");
    expect("a question of before", MCP_STATUS_HANDLE, mcp_question_decline(gone));
    expect_result(client, "asks_in_vain", "does not offer `sampling`");
    expect_result(client, "says_nothing", "the handler gave no answer");
    expect_result(client, "answers_twice", "later");
    expect("a prompt", MCP_STATUS_OK, mcp_client_get_prompt(client, TEXT("prompt"), NULL, 0, &text, &error));
    mcp_string_free(&text);
    expect("a resource", MCP_STATUS_OK,
        mcp_client_request_with(client, TEXT("resources/read"), TEXT("{\"uri\":\"a:b\"}"), NULL, &text, &error));
    mcp_string_free(&text);
    expect("roots that are not declared", MCP_STATUS_USAGE, mcp_client_set_roots(client, TEXT("[]"), &error));
    expect("roots that are no JSON", MCP_STATUS_JSON, mcp_client_set_roots(client, TEXT("{}"), &error));
    expect("a level that is none", MCP_STATUS_USAGE, mcp_client_set_log_level(client, 8, &error));
    expect("listening to nothing", MCP_STATUS_USAGE, mcp_client_listen(client, TEXT("{}"), &subscription, &error));
    two_that_wait(client);
    expect("listening", MCP_STATUS_OK,
        mcp_client_listen(client, TEXT("{\"toolsListChanged\":true}"), &subscription, &error));
    expect("closing", MCP_STATUS_OK, mcp_client_close(client));
    expect("the end of a subscription", MCP_STATUS_OK, mcp_subscription_next(subscription, -1, &change, NULL, &error));
    if (change != MCP_CHANGE_OVER) {
        printf("change %d in place of the end\n", (int)change);
        wrong = 1;
    }
    mcp_subscription_free(subscription);
    mcp_subscription_free(subscription);
    expect("a subscription that was freed", MCP_STATUS_HANDLE, mcp_subscription_next(subscription, 0, &change, NULL, &error));
    mcp_client_free(client);
    mcp_bound_stop(bound);
    pthread_join(serving, NULL);
    mcp_bound_free(bound);
    mcp_bound_free(bound);
    expect("a server that was freed", MCP_STATUS_HANDLE, mcp_bound_resources_changed(bound));
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_client client;
    mcp_cancel cancel;
    mcp_call_settings settings;
    mcp_string answer;
    mcp_error error;
    pthread_t threads[4];
    int i;
    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    nothing_at_all();
    of_another_kind();
    out_of_a_handler();
    a_server_that_cannot_be();
    an_engine_from_within();
    nothing_new();
    settings_that_are_refused();
    handlers_that_do_it_wrong("2026-07-28");
    handlers_that_do_it_wrong("2025-11-25");

    client = connect_to(argv[1]);
    expect("arguments that are no JSON", MCP_STATUS_JSON,
        mcp_client_call(client, TEXT("add"), TEXT("{"), NULL, &answer, &error));
    expect("arguments that are no object", MCP_STATUS_JSON,
        mcp_client_call(client, TEXT("add"), TEXT("[1]"), NULL, &answer, &error));
    expect("a tool that is none", MCP_STATUS_RPC,
        mcp_client_call(client, TEXT("no\0ne"), NULL, 0, NULL, &answer, &error));

    expect("a cancellation", MCP_STATUS_OK, mcp_cancel_new(&cancel, NULL));
    expect("cancelled in advance", MCP_STATUS_OK, mcp_cancel_trigger(cancel));
    memset(&settings, 0, sizeof settings);
    settings.cancel = cancel;
    expect("a call that was cancelled", MCP_STATUS_CANCELLED,
        mcp_client_call(client, TEXT("add"), TEXT("{\"a\":1,\"b\":2}"), &settings, &answer, &error));
    mcp_cancel_free(cancel);
    expect("a cancellation that was freed", MCP_STATUS_HANDLE,
        mcp_client_call(client, TEXT("add"), TEXT("{\"a\":1,\"b\":2}"), &settings, &answer, &error));

    for (i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, call_until_closed, &client);
    }
    expect("closing", MCP_STATUS_OK, mcp_client_close(client));
    expect("closing again", MCP_STATUS_OK, mcp_client_close(client));
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    expect("a closed client", MCP_STATUS_CLOSED, mcp_client_ping(client, NULL));
    mcp_client_free(client);
    mcp_client_free(client);
    expect("a freed client", MCP_STATUS_HANDLE, mcp_client_ping(client, NULL));
    wrong |= is_something_left(before);
    if (!wrong) {
        puts("each was answered");
    }
    return wrong;
}
