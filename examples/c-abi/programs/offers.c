/* Everything that a server may offer, described as the protocol describes it, and a client that uses it, in one process:
 * resources with a template, bytes, a prompt of several messages, proposals while somebody types, changes that are told, a
 * request that is cancelled.
 *
 *     offers [REVISION]     the newest revision unless one is given, such as 2025-11-25
 *
 * Prints what the client gets. Exit code 0: it is what was offered, and nothing was left behind.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

/* ---- The server ---- */

/* note:{name}: the variable is an argument, the URI the name of the call. */
static void note(void *userdata, mcp_call call) {
    const char *arguments = NULL;
    size_t length = 0;
    (void)userdata;
    mcp_call_arguments(call, &arguments, &length);
    if (length == sizeof("{\"name\":\"shopping\"}") - 1 && memcmp(arguments, "{\"name\":\"shopping\"}", length) == 0) {
        mcp_call_reply_text(call, TEXT("milk, bread"));
    } else {
        mcp_call_reply_missing(call);
    }
}

static void propose(void *userdata, mcp_completion completion) {
    static const char *const names[] = {"shopping", "ships", "travel"};
    const char *typed = NULL;
    size_t length = 0, i;
    (void)userdata;
    mcp_completion_typed(completion, &typed, &length);
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(names[i], typed, length) == 0) {
            mcp_completion_propose(completion, names[i], MCP_NUL_TERMINATED);
        }
    }
}

static void random_bytes(void *userdata, mcp_call call) {
    static const uint8_t four[] = {0, 1, 254, 255};
    (void)userdata;
    mcp_call_reply_bytes(call, four, sizeof four);
}

static void talk(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_reply_result(call,
        TEXT("{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"Knock, knock.\"}},"
             "{\"role\":\"assistant\",\"content\":{\"type\":\"text\",\"text\":\"Who is there?\"}}]}"));
}

/* Has a resource change, in the middle of a call. */
static void touch(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_resource_updated(call, TEXT("note:shopping"));
    mcp_call_reply_text(call, TEXT("touched"));
}

/* Where the slow handler and the main thread tell each other how far they are. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int has_begun;
    int was_cancelled;
} progress;

static void tell(progress *slow, int *what) {
    pthread_mutex_lock(&slow->lock);
    *what = 1;
    pthread_cond_broadcast(&slow->changed);
    pthread_mutex_unlock(&slow->lock);
}

static void wait_for(progress *slow, const int *what) {
    pthread_mutex_lock(&slow->lock);
    while (!*what) {
        pthread_cond_wait(&slow->changed, &slow->lock);
    }
    pthread_mutex_unlock(&slow->lock);
}

/* On a worker: it may wait, and is woken when nobody wants the answer any more. */
static void be_slow(void *userdata, mcp_call call) {
    progress *slow = (progress *)userdata;
    tell(slow, &slow->has_begun);
    if (mcp_call_sleep(call, 60000) == MCP_STATUS_CANCELLED) {
        tell(slow, &slow->was_cancelled);
    }
    mcp_call_reply_text(call, TEXT("at last"));
}

static int offer(mcp_server server, progress *slow) {
    mcp_error error;
    if (mcp_server_add_resource_template_json(server,
            TEXT("{\"uriTemplate\":\"note:{name}\",\"name\":\"note\",\"title\":\"Notes\",\"mimeType\":\"text/plain\"}"), 0, note,
            propose, NULL, NULL, &error) != MCP_STATUS_OK
        || mcp_server_add_resource_json(server, TEXT("{\"uri\":\"random:four\",\"name\":\"four\"}"), 0, random_bytes, NULL, NULL,
               &error) != MCP_STATUS_OK
        || mcp_server_add_resource_bytes(server, TEXT("{\"uri\":\"fixed:two\",\"name\":\"two\",\"mimeType\":\"image/png\"}"),
               (const uint8_t *)"\x89P", 2, &error) != MCP_STATUS_OK
        || mcp_server_add_prompt_json(server,
               TEXT("{\"name\":\"talk\",\"description\":\"A joke\",\"arguments\":[{\"name\":\"tone\"}]}"), 0, talk, NULL, NULL,
               NULL, &error) != MCP_STATUS_OK
        || mcp_server_add_tool_json(server,
               TEXT("{\"name\":\"touch\",\"title\":\"Touch\",\"inputSchema\":{\"type\":\"object\"},"
                    "\"annotations\":{\"idempotentHint\":true}}"), 0, touch, NULL, NULL, &error) != MCP_STATUS_OK
        || mcp_server_add_resource_json(server, TEXT("{\"uri\":\"slow:one\",\"name\":\"slow\"}"), 1, be_slow, slow, NULL, &error)
               != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    return 0;
}

static void *serve(void *bound) {
    mcp_error error;
    if (mcp_bound_run(*(mcp_bound *)bound, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "serving: %s\n", error.message);
    }
    return NULL;
}

/* ---- The client ---- */

/* Shows what came, and whether it is what was expected. */
static int expect(const char *what, mcp_status status, mcp_string *found, const mcp_error *error, const char *expected) {
    const char *text = status == MCP_STATUS_OK ? found->data : error->message;
    const int is_wrong = text == NULL || strstr(text, expected) == NULL;
    printf("%s: %s\n", what, is_wrong && text != NULL ? text : expected);
    mcp_string_free(found);
    return is_wrong;
}

static int read_one(mcp_client client, const char *params, const char *expected) {
    mcp_string result = {NULL, 0};
    mcp_error error;
    mcp_status status = mcp_client_request_with(client, TEXT("resources/read"), params, MCP_NUL_TERMINATED, NULL, &result, &error);
    return expect(params, status, &result, &error, expected);
}

/* A change is told while nobody calls. */
static int listen_to_changes(mcp_client client, mcp_bound bound) {
    mcp_subscription subscription = {0};
    mcp_string text = {NULL, 0};
    mcp_change change = MCP_CHANGE_NONE;
    mcp_error error;
    int is_wrong;
    if (mcp_client_listen(client, TEXT("{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"note:shopping\"]}"), &subscription,
            &error) != MCP_STATUS_OK) {
        fprintf(stderr, "listening: %s\n", error.message);
        return 1;
    }
    is_wrong = expect("the server will tell of", mcp_subscription_acknowledged(subscription, &text, &error), &text, &error,
        "\"resourceSubscriptions\":[\"note:shopping\"]");
    is_wrong |= expect("touch", mcp_client_call(client, TEXT("touch"), NULL, 0, NULL, &text, &error), &text, &error, "touched");
    is_wrong |= expect("a change", mcp_subscription_next(subscription, 10000, &change, &text, &error), &text, &error, "note:shopping");
    is_wrong |= change != MCP_CHANGE_RESOURCE;
    mcp_bound_tools_changed(bound);
    is_wrong |= mcp_subscription_next(subscription, 10000, &change, NULL, &error) != MCP_STATUS_OK || change != MCP_CHANGE_TOOLS;
    is_wrong |= mcp_subscription_next(subscription, 0, &change, NULL, &error) != MCP_STATUS_OK || change != MCP_CHANGE_NONE;
    mcp_subscription_free(subscription);
    return is_wrong;
}

static void greet(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_reply_text(call, TEXT("hello"));
}

static void released(void *userdata) {
    *(int *)userdata += 1;
}

static int is_not_told(mcp_subscription subscription, mcp_change expected) {
    mcp_change change = MCP_CHANGE_NONE;
    return mcp_subscription_next(subscription, 10000, &change, NULL, NULL) != MCP_STATUS_OK || change != expected;
}

/* Something more is offered while the server runs, and then no more. The thread that serves makes each change soon, and
 * clients are told when it is made. */
static int change_what_is_offered(mcp_client client, mcp_bound bound, int *releases) {
    mcp_subscription subscription = {0};
    mcp_string text = {NULL, 0};
    mcp_error error;
    int is_wrong;
    if (mcp_client_listen(client, TEXT("{\"toolsListChanged\":true,\"resourcesListChanged\":true,\"promptsListChanged\":true}"),
            &subscription, &error) != MCP_STATUS_OK
        || mcp_bound_add_tool_json(bound, TEXT("{\"name\":\"greet\",\"inputSchema\":{\"type\":\"object\"}}"), 0, greet, releases,
               released, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "offering more: %s\n", error.message);
        mcp_subscription_free(subscription);
        return 1;
    }
    is_wrong = is_not_told(subscription, MCP_CHANGE_TOOLS);
    is_wrong |= expect("greet", mcp_client_call(client, TEXT("greet"), NULL, 0, NULL, &text, &error), &text, &error, "hello");
    is_wrong |= mcp_bound_remove_tool(bound, TEXT("greet"), &error) != MCP_STATUS_OK;
    is_wrong |= is_not_told(subscription, MCP_CHANGE_TOOLS);
    is_wrong |= mcp_client_call(client, TEXT("greet"), NULL, 0, NULL, &text, &error) != MCP_STATUS_RPC;
    is_wrong |= expect("greet, removed", MCP_STATUS_RPC, &text, &error, "greet");

    /* The same of the other kinds. */
    is_wrong |= mcp_bound_add_resource_json(bound, TEXT("{\"uri\":\"new:one\",\"name\":\"one\"}"), 0, greet, NULL, NULL, &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_RESOURCES);
    is_wrong |= read_one(client, "{\"uri\":\"new:one\"}", "hello");
    is_wrong |= mcp_bound_remove_resource(bound, TEXT("new:one"), &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_RESOURCES);
    is_wrong |= read_one(client, "{\"uri\":\"new:one\"}", "resource not found");

    is_wrong |= mcp_bound_add_resource_template_json(bound, TEXT("{\"uriTemplate\":\"new:all/{name}\",\"name\":\"all\"}"), 0,
        greet, propose, NULL, NULL, &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_RESOURCES);
    is_wrong |= read_one(client, "{\"uri\":\"new:all/x\"}", "hello");
    is_wrong |= mcp_bound_remove_resource_template(bound, TEXT("new:all/{name}"), &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_RESOURCES);
    is_wrong |= read_one(client, "{\"uri\":\"new:all/x\"}", "resource not found");

    is_wrong |= mcp_bound_add_prompt_json(bound, TEXT("{\"name\":\"new\"}"), 0, greet, NULL, NULL, NULL, &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_PROMPTS);
    is_wrong |= expect("new", mcp_client_get_prompt(client, TEXT("new"), NULL, 0, &text, &error), &text, &error, "hello");
    is_wrong |= mcp_bound_remove_prompt(bound, TEXT("new"), &error);
    is_wrong |= is_not_told(subscription, MCP_CHANGE_PROMPTS);
    is_wrong |= mcp_client_get_prompt(client, TEXT("new"), NULL, 0, &text, &error) != MCP_STATUS_RPC;
    mcp_subscription_free(subscription);
    return is_wrong;
}

typedef struct {
    progress *slow;
    mcp_cancel cancel;
} canceller;

static void *cancel_when_begun(void *shared) {
    canceller *c = (canceller *)shared;
    wait_for(c->slow, &c->slow->has_begun);
    mcp_cancel_trigger(c->cancel);
    return NULL;
}

/* Cancelled from another thread, and the server hears of it. */
static int cancel_a_request(mcp_client client, progress *slow) {
    canceller c;
    mcp_call_settings settings;
    mcp_string result = {NULL, 0};
    mcp_error error;
    mcp_status status;
    pthread_t thread;
    c.slow = slow;
    if (mcp_cancel_new(&c.cancel, &error) != MCP_STATUS_OK) {
        return 1;
    }
    memset(&settings, 0, sizeof settings);
    settings.timeout_ms = 30000;
    settings.cancel = c.cancel;
    pthread_create(&thread, NULL, cancel_when_begun, &c);
    status = mcp_client_request_with(client, TEXT("resources/read"), TEXT("{\"uri\":\"slow:one\"}"), &settings, &result, &error);
    pthread_join(thread, NULL);
    mcp_cancel_free(c.cancel);
    printf("a request that was cancelled: status %d\n", (int)status);
    wait_for(slow, &slow->was_cancelled);
    return status != MCP_STATUS_CANCELLED;
}

static int use(const char *url, const char *revision, mcp_bound bound, progress *slow) {
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_string text = {NULL, 0};
    mcp_error error;
    int is_wrong = 0, releases = 0;
    if (mcp_options_new(url, MCP_NUL_TERMINATED, &options, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (revision != NULL) {
        mcp_options_revision(options, revision, MCP_NUL_TERMINATED);
    }
    if (mcp_client_connect(options, &client, &error) == MCP_STATUS_OK) {
        is_wrong |= expect("templates", mcp_client_resource_templates(client, &text, &error), &text, &error, "\"title\":\"Notes\"");
        is_wrong |= read_one(client, "{\"uri\":\"note:shopping\"}", "milk, bread");
        is_wrong |= read_one(client, "{\"uri\":\"note:nothing\"}", "resource not found");
        is_wrong |= read_one(client, "{\"uri\":\"random:four\"}", "\"blob\":\"AAH+/w==\"");
        is_wrong |= read_one(client, "{\"uri\":\"fixed:two\"}", "\"blob\":\"iVA=\"");
        is_wrong |= expect("proposals for `sh`",
            mcp_client_complete(client, TEXT("note:{name}"), TEXT("name"), TEXT("sh"), &text, &error), &text, &error,
            "[\"shopping\",\"ships\"]");
        is_wrong |= expect("talk", mcp_client_get_prompt(client, TEXT("talk"), NULL, 0, &text, &error), &text, &error, "Who is there?");
        is_wrong |= listen_to_changes(client, bound);
        is_wrong |= change_what_is_offered(client, bound, &releases);
        is_wrong |= cancel_a_request(client, slow);
    } else {
        fprintf(stderr, "connecting: %s\n", error.message);
        is_wrong = 1;
    }
    mcp_options_free(options);
    mcp_client_free(client);
    return is_wrong || releases != 1;
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_server server = {0};
    mcp_bound bound = {0};
    mcp_string url = {NULL, 0};
    mcp_error error;
    pthread_t serving;
    progress slow;
    int is_wrong = 1;
    pthread_mutex_init(&slow.lock, NULL);
    pthread_cond_init(&slow.changed, NULL);
    slow.has_begun = slow.was_cancelled = 0;
    if (mcp_server_new(TEXT("offers"), TEXT("1.0.0"), &server, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (offer(server, &slow) == 0) {
        if (mcp_server_bind(server, TEXT("127.0.0.1:0"), &bound, &error) == MCP_STATUS_OK) {
            mcp_bound_url(bound, &url, NULL);
            pthread_create(&serving, NULL, serve, &bound);
            is_wrong = use(url.data, argc > 1 ? argv[1] : NULL, bound, &slow);
            mcp_string_free(&url);
            mcp_bound_stop(bound);
            pthread_join(serving, NULL);
            mcp_bound_free(bound);
        } else {
            fprintf(stderr, "%s\n", error.message);
        }
    }
    mcp_server_free(server);
    pthread_cond_destroy(&slow.changed);
    pthread_mutex_destroy(&slow.lock);
    return is_something_left(before) || is_wrong;
}
