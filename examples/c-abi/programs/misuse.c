/* Everything that a caller should not do: each is answered, and nothing crashes.
 *
 *     misuse URL     the URL of a server with a tool `add`
 *
 * Exit code 0: each was answered as the header says.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

static int wrong = 0;

static void expect(const char *what, mcp_status wanted, mcp_status found) {
    if (wanted != found) {
        printf("%s: status %d in place of %d\n", what, (int)found, (int)wanted);
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

    expect("NULL for a URL", MCP_STATUS_NULL, mcp_options_new(NULL, 0, &options, &error));
    if (strstr(error.message, "NULL") == NULL || error.message_length != strlen(error.message)) {
        printf("the message says nothing: %s\n", error.message);
        wrong = 1;
    }
    expect("NULL for a result", MCP_STATUS_NULL, mcp_options_new(TEXT("http://localhost/"), NULL, NULL));
    expect("no UTF-8", MCP_STATUS_UTF8, mcp_options_new(TEXT("http://\xff\xfe/"), &options, NULL));
    expect("no options", MCP_STATUS_HANDLE, mcp_options_bearer(no_options, TEXT("x")));
    expect("no client", MCP_STATUS_HANDLE, mcp_client_tools(no_client, &answer, &error));
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

int main(int argc, char **argv) {
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
    if (!wrong) {
        puts("each was answered");
    }
    return wrong;
}
