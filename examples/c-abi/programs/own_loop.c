/* A server in a loop of the program's own: here epoll, elsewhere libuv, a game's frame, another HTTP server.
 *
 *     own_loop     prints its URL, and serves until its standard input ends
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)
#define SOCKETS 64

typedef struct {
    int fd; /* -1: free */
    int has_ended; /* The other side sends no more. */
    mcp_connection connection;
} client;

static client clients[SOCKETS];
static int served = 0;

static void frames(void *userdata, mcp_call call) {
    char text[64];
    snprintf(text, sizeof text, "call %d, frame %d", ++served, *(int *)userdata);
    mcp_call_reply_text(call, text, MCP_NUL_TERMINATED);
}

/* On a worker of the library's, so that the loop goes on meanwhile. */
static void think(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_sleep(call, 50);
    mcp_call_reply_text(call, TEXT("42"));
}

/* On that worker, when it is done: the loop is to look at the engine. */
static void wake(void *userdata) {
    const uint64_t one = 1;
    if (write(*(int *)userdata, &one, sizeof one) < 0) {
        /* It is awake: so much is written there already. */
    }
}

static void watch(int epoll, int fd, uint64_t tag, uint32_t events, int operation) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = tag;
    epoll_ctl(epoll, operation, fd, &event);
}

/* What to wait for: more to read, unless there was an end or the engine has enough for now. */
static uint32_t readable(const client *c) {
    return !c->has_ended && mcp_server_connection_wants_input(c->connection) ? (uint32_t)EPOLLIN : 0;
}

static void forget(client *c) {
    mcp_server_connection_free(c->connection);
    close(c->fd);
    c->fd = -1;
}

/* Sends what there is to send, as far as the socket takes it. */
static void send_ready(int epoll, client *c) {
    char buffer[4096];
    size_t length = 0;
    while (mcp_server_connection_output(c->connection, buffer, sizeof buffer, &length) == MCP_STATUS_OK && length > 0) {
        ssize_t sent = send(c->fd, buffer, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            forget(c);
            return;
        }
        mcp_server_connection_sent(c->connection, sent < 0 ? 0 : (size_t)sent);
        if (sent < (ssize_t)length) {
            watch(epoll, c->fd, (uint64_t)(c - clients), readable(c) | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
    }
    watch(epoll, c->fd, (uint64_t)(c - clients), readable(c), EPOLL_CTL_MOD);
    switch (mcp_server_connection_state(c->connection)) {
    case MCP_CONNECTION_STATE_HALF_CLOSE:
        shutdown(c->fd, SHUT_WR);
        mcp_server_connection_half_closed(c->connection);
        break;
    case MCP_CONNECTION_STATE_CLOSE:
        forget(c);
        break;
    default:
        break;
    }
}

static void take_in(int epoll, client *c) {
    char buffer[4096];
    ssize_t length;
    if (!readable(c)) {
        /* Until the connection is ready again, see the end of main. */
        watch(epoll, c->fd, (uint64_t)(c - clients), 0, EPOLL_CTL_MOD);
        return;
    }
    length = recv(c->fd, buffer, sizeof buffer, 0);
    if (length > 0) {
        mcp_server_connection_feed(c->connection, (const uint8_t *)buffer, (size_t)length);
    } else if (length == 0) {
        /* No more to read; what is left to be sent still goes out. */
        c->has_ended = 1;
        mcp_server_connection_end(c->connection);
        watch(epoll, c->fd, (uint64_t)(c - clients), 0, EPOLL_CTL_MOD);
    } else if (errno != EAGAIN && errno != EINTR) {
        forget(c);
    }
}

static void accept_one(int epoll, int listener, mcp_engine engine) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int i;
    if (fd < 0) {
        return;
    }
    for (i = 0; i < SOCKETS; i++) {
        if (clients[i].fd < 0) {
            if (mcp_server_connection_new(engine, &clients[i].connection, NULL) != MCP_STATUS_OK) {
                break;
            }
            clients[i].fd = fd;
            clients[i].has_ended = 0;
            watch(epoll, fd, (uint64_t)i, EPOLLIN, EPOLL_CTL_ADD);
            return;
        }
    }
    close(fd);
}

static client *of(mcp_connection connection) {
    int i;
    for (i = 0; i < SOCKETS; i++) {
        if (clients[i].fd >= 0 && clients[i].connection.id == connection.id) {
            return &clients[i];
        }
    }
    return NULL;
}

int main(void) {
    const counts before = count_all();
    const uint64_t listening = SOCKETS, input = SOCKETS + 1, woken = SOCKETS + 2;
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    mcp_server server = {0};
    mcp_engine engine = {0};
    mcp_error error;
    int frame = 0, running = 1, i;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int wakes = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    for (i = 0; i < SOCKETS; i++) {
        clients[i].fd = -1;
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("listening");
        return 1;
    }
    if (mcp_server_new(TEXT("own-loop"), TEXT("1.0.0"), &server, &error) != MCP_STATUS_OK
        || mcp_server_add_tool(server, TEXT("frames"), TEXT("Says which frame it is"), NULL, 0, 0, frames, &frame, NULL)
            != MCP_STATUS_OK
        || mcp_server_add_tool(server, TEXT("think"), TEXT("Takes its time"), NULL, 0, 1, think, NULL, NULL) != MCP_STATUS_OK
        || mcp_server_engine(server, &engine, &error) != MCP_STATUS_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    mcp_server_free(server);
    mcp_engine_on_wake(engine, wake, &wakes, NULL);
    printf("http://127.0.0.1:%d/mcp\n", ntohs(address.sin_port));
    fflush(stdout);

    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    watch(epoll, listener, listening, EPOLLIN, EPOLL_CTL_ADD);
    watch(epoll, STDIN_FILENO, input, EPOLLIN, EPOLL_CTL_ADD);
    watch(epoll, wakes, woken, EPOLLIN, EPOLL_CTL_ADD);
    while (running || mcp_engine_connections(engine) > 0) {
        struct epoll_event events[16];
        int64_t due = mcp_engine_next_wake(engine);
        int count = epoll_wait(epoll, events, 16, due < 0 || due > 60000 ? 60000 : (int)due);
        mcp_connection ready;
        frame++;
        for (i = 0; i < count; i++) {
            uint64_t tag = events[i].data.u64;
            if (tag == listening) {
                accept_one(epoll, listener, engine);
            } else if (tag == input) {
                char byte;
                if (read(STDIN_FILENO, &byte, 1) == 0) {
                    running = 0;
                    epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
                    mcp_engine_stop(engine);
                }
            } else if (tag == woken) {
                uint64_t times;
                if (read(wakes, &times, sizeof times) < 0) {
                    /* Somebody woke it for nothing. */
                }
            } else if (clients[tag].fd >= 0) {
                if (events[i].events & (EPOLLHUP | EPOLLERR)) {
                    /* Nobody is there any more. epoll says so again and again, whatever it was asked to watch. */
                    forget(&clients[tag]);
                } else if (events[i].events & EPOLLIN) {
                    take_in(epoll, &clients[tag]);
                }
                if (clients[tag].fd >= 0 && (events[i].events & EPOLLOUT)) {
                    send_ready(epoll, &clients[tag]);
                }
            }
        }
        mcp_engine_wake(engine);
        for (ready = mcp_engine_next_ready(engine); ready.id != 0; ready = mcp_engine_next_ready(engine)) {
            client *c = of(ready);
            if (c != NULL) {
                send_ready(epoll, c);
            }
        }
    }
    fprintf(stderr, "served %d calls in %d frames\n", served, frame);
    mcp_engine_free(engine);
    close(wakes);
    close(epoll);
    close(listener);
    return is_something_left(before);
}
