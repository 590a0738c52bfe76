/*
 * The limit: a loop of send() over one prebuilt frame and the accepted sockets.
 *
 * No server can broadcast over TCP with less than one system call a client, unless it uses io_uring; what
 * others take on top of this is their own. Answers every handshake with the same 101, since the
 * clients of the benchmark do not check it. Commands come on stdin, as with every other peer:
 *
 *   send SIZE COUNT PAUSE    that many broadcasts of SIZE bytes, PAUSE milliseconds after each
 *   cpu                      microseconds of processor time that the process has had
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 16384
#define LARGEST 65535

static const char before[] = "{\"type\":\"custom\",\"event\":\"bench:event\",\"data\":{\"text\":\"";
static const char after[] = "\"}}";
static const char answer[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: vite-hmr\r\n\r\n";

static int sockets[MOST], count;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void welcome(int listener) {
    char head[16384];
    size_t have = 0;
    int one = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0 || count == MOST) fail("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    do {
        ssize_t got = recv(fd, head + have, sizeof head - 1 - have, 0);
        if (got <= 0) fail("recv");
        have += (size_t)got;
        head[have] = 0;
    } while (!strstr(head, "\r\n\r\n"));
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) fail("send");
    sockets[count++] = fd;
}

static void broadcast(size_t size, int times, long pause) {
    static unsigned char frame[4 + LARGEST];
    struct timespec rest = {pause / 1000, pause % 1000 * 1000000};
    size_t around = sizeof before - 1 + sizeof after - 1;
    if (size < 126 || size < around || size > LARGEST) {
        fprintf(stderr, "no payload of %zu bytes\n", size);
        exit(1);
    }
    frame[0] = 0x81;
    frame[1] = 126;
    frame[2] = (unsigned char)(size >> 8);
    frame[3] = (unsigned char)size;
    memcpy(frame + 4, before, sizeof before - 1);
    memset(frame + 4 + sizeof before - 1, 'x', size - around);
    memcpy(frame + 4 + size - (sizeof after - 1), after, sizeof after - 1);
    while (times--) {
        for (int i = 0; i < count; i++)
            if (send(sockets[i], frame, 4 + size, MSG_NOSIGNAL) < 0) fail("send");
        nanosleep(&rest, NULL);
    }
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct rlimit files;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd wait[2] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    char line[256];

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(listener, 1024) < 0) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("ready %d -\n", ntohs(address.sin_port));
    for (;;) {
        size_t size;
        int times;
        long pause;
        if (poll(wait, 2, -1) < 0) fail("poll");
        if (wait[1].revents) welcome(listener);
        if (!wait[0].revents) continue;
        if (!fgets(line, sizeof line, stdin)) return 0;
        if (sscanf(line, "send %zu %d %ld", &size, &times, &pause) == 3) {
            broadcast(size, times, pause);
            puts("sent");
        } else {
            struct rusage used;
            getrusage(RUSAGE_SELF, &used);
            printf("cpu %ld\n", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L +
                                    used.ru_utime.tv_usec + used.ru_stime.tv_usec);
        }
    }
}
