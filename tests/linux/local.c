/* SPDX-License-Identifier: MIT
 * Local sockets by their names: results, errno and what arrives, a line each. cases/local.sh runs it natively and
 * on Microcosm, and compares. */
#include "calls.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define THREADS 4
#define ROUNDS 50

static char directory[64];

struct name {
	struct sockaddr_un un;
	socklen_t len;
};

/* The text as it is, or, where it begins with a slash, behind the test's own directory. */
static struct name named(const char *text)
{
	struct name name = { .un.sun_family = AF_UNIX };
	char whole[256];

	snprintf(whole, sizeof whole, "%s%s", *text == '/' ? directory : "", text);
	size_t len = strnlen(whole, sizeof name.un.sun_path);
	memcpy(name.un.sun_path, whole, len);
	name.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (len < sizeof name.un.sun_path));
	return name;
}

static int local(int type)
{
	return socket(AF_UNIX, type, 0);
}

static int bind_to(int fd, const char *text)
{
	struct name name = named(text);

	return bind(fd, (struct sockaddr *)&name.un, name.len);
}

static int connect_to(int fd, const char *text)
{
	struct name name = named(text);

	return connect(fd, (struct sockaddr *)&name.un, name.len);
}

static long send_to(int fd, const char *data, int flags, const char *text)
{
	struct name name = named(text);

	return sendto(fd, data, strlen(data), flags, (struct sockaddr *)&name.un, name.len);
}

static int listener(const char *text, int backlog)
{
	int fd = local(SOCK_STREAM | SOCK_CLOEXEC);

	if (bind_to(fd, text) < 0 || listen(fd, backlog) < 0)
		printf("no listener: %s\n", strerrorname_np(errno));
	return fd;
}

/* A name that the kernel tells, less the test's directory. */
static void said_name(const char *what, long result, const struct sockaddr_un *name, socklen_t len)
{
	size_t n = len > offsetof(struct sockaddr_un, sun_path) ? len - offsetof(struct sockaddr_un, sun_path) : 0;
	const char *path = name->sun_path;
	const char *dots = "";

	if (n >= strlen(directory) && memcmp(path, directory, strlen(directory)) == 0) {
		path += strlen(directory);
		n -= strlen(directory);
		dots = "...";
	}
	printf("%s: %ld, family %d, '%s%.*s', %zu bytes\n", what, result, len >= 2 ? name->sun_family : -1, dots, (int)n,
	       path, n);
	fflush(stdout);
}

#define SAY_NAME(call, fd)                                                                 \
	do {                                                                               \
		struct sockaddr_un name_ = { 0 };                                          \
		socklen_t len_ = sizeof name_;                                             \
		long result_ = call(fd, (struct sockaddr *)&name_, &len_);                 \
		said_name(#call "(" #fd ")", result_, &name_, len_);                       \
	} while (0)

static void said_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		printf("%s: %s\n", path, strerrorname_np(errno));
	else
		printf("%s: mode %o, size %ld, %d\n", path, st.st_mode, (long)st.st_size, st.st_uid == geteuid());
}

static void streams(void)
{
	char buf[16] = "";
	int a = local(SOCK_STREAM), b, server = local(SOCK_STREAM);

	SAY(listen(server, 1));
	SAY_NAME(getsockname, server);
	SAY(bind_to(server, "/stream"));
	SAY_NAME(getsockname, server);
	said_mode("stream");
	SAY(bind_to(server, "another"));
	SAY(connect_to(a, "stream"));
	SAY(listen(server, 5));
	SAY(connect_to(a, "/stream"));
	SAY(connect_to(a, "stream"));
	SAY_NAME(getsockname, a);
	SAY_NAME(getpeername, a);
	SAY_NAME(b = accept, server);
	SAY_NAME(getsockname, b);
	SAY_NAME(getpeername, b);
	SAY(write(a, "hello", 5));
	SAY(read(b, buf, sizeof buf));
	SAY(send_to(a, "again", 0, "stream"));
	SAY(shutdown(a, SHUT_WR));
	SAY(read(b, buf, sizeof buf));
	close(a);
	SAY(send(b, "x", 1, MSG_NOSIGNAL));
	close(b);
	a = local(SOCK_STREAM);
	SAY(send_to(a, "x", 0, "stream"));
	SAY(send_to(a, "x", 0, "nothing"));
	/* One that has a name connects. */
	SAY(bind_to(a, "client"));
	SAY(connect_to(a, "./stream"));
	SAY_NAME(b = accept, server);
	SAY_NAME(getpeername, b);
	SAY_NAME(getpeername, a);
	close(a);
	close(b);
	close(server);
	a = local(SOCK_STREAM);
	SAY(connect_to(a, "stream"));
	SAY(bind_to(a, "stream"));
	SAY(unlink("stream"));
	SAY(connect_to(a, "stream"));
	SAY(bind_to(a, "stream"));
	close(a);
	unlink("stream");
	unlink("client");

	server = local(SOCK_SEQPACKET);
	SAY(bind_to(server, "packets"));
	SAY(listen(server, 1));
	a = local(SOCK_SEQPACKET);
	SAY(send_to(a, "x", 0, "packets"));
	SAY(connect_to(a, "packets"));
	b = accept(server, NULL, NULL);
	SAY(send_to(a, "named", 0, "nothing"));
	SAY(recv(b, buf, sizeof buf, 0));
	close(a);
	close(b);
	a = local(SOCK_STREAM);
	SAY(connect_to(a, "packets"));
	close(a);
	close(server);
	unlink("packets");
}

static void addresses(void)
{
	struct name name = named("stream"), inet = name;
	int server = listener("stream", 5), fd = local(SOCK_STREAM), file = open("file", O_RDWR | O_CREAT, 0600);
	char path[256];

	SAY(connect(fd, (struct sockaddr *)&name.un, 0));
	SAY(connect(fd, (struct sockaddr *)&name.un, 1));
	SAY(connect(fd, (struct sockaddr *)&name.un, 2));
	SAY(connect(fd, (struct sockaddr *)&name.un, 6));
	SAY(connect(fd, (struct sockaddr *)&name.un, 111));
	SAY(connect(fd, (struct sockaddr *)&name.un, -1));
	SAY(connect(fd, (struct sockaddr *)&name.un, 4096));
	SAY(connect(fd, (struct sockaddr *)8, name.len));
	SAY(connect(-1, (struct sockaddr *)&name.un, name.len));
	SAY(connect(file, (struct sockaddr *)&name.un, name.len));
	SAY(bind(-1, (struct sockaddr *)&name.un, name.len));
	SAY(bind(file, (struct sockaddr *)&name.un, name.len));
	SAY(bind(fd, (struct sockaddr *)8, name.len));
	SAY(bind(fd, (struct sockaddr *)&name.un, 111));
	SAY(bind(fd, (struct sockaddr *)&name.un, 0));
	SAY(bind(fd, (struct sockaddr *)&name.un, -1));
	SAY(listen(-1, 1));
	SAY(listen(file, 1));
	SAY(listen(fd, 1));
	inet.un.sun_family = 77;
	SAY(sendto(fd, "x", 1, 0, (struct sockaddr *)&name.un, 0));

	SAY(connect_to(fd, "none"));
	SAY(connect_to(fd, "none/x"));
	SAY(connect_to(fd, "file"));
	SAY(connect_to(fd, "file/x"));
	SAY(connect_to(fd, "."));
	SAY(connect_to(fd, "stream/"));
	SAY(bind_to(fd, "stream"));
	SAY(bind_to(fd, "file"));
	SAY(bind_to(fd, "none/x"));
	SAY(bind_to(fd, "file/x"));
	SAY(bind_to(fd, "."));
	SAY(bind_to(fd, ".."));
	SAY(bind_to(fd, "new/"));
	SAY(symlink("loop", "loop"));
	SAY(connect_to(fd, "loop"));
	SAY(bind_to(fd, "loop"));
	SAY(symlink("nowhere", "dangling"));
	SAY(bind_to(fd, "dangling"));
	SAY(symlink("stream", "link"));
	SAY(connect_to(fd, "link"));
	SAY_NAME(getpeername, fd);
	close(fd);
	fd = local(SOCK_STREAM);
	SAY(link("stream", "hard"));
	SAY(connect_to(fd, "hard"));
	close(fd);
	fd = local(SOCK_STREAM);
	SAY(rename("stream", "moved"));
	SAY(connect_to(fd, "stream"));
	SAY(connect_to(fd, "moved"));
	SAY_NAME(getpeername, fd);
	close(fd);

	/* As long as can be, and without a terminator. */
	memset(path, 'n', sizeof path);
	path[107] = 0;
	fd = local(SOCK_STREAM);
	SAY(bind_to(fd, path));
	SAY_NAME(getsockname, fd);
	close(fd);
	fd = local(SOCK_STREAM);
	SAY(connect_to(fd, path));
	SAY(unlink(path));
	path[107] = 'n';
	path[108] = 0;
	SAY(bind_to(fd, path));
	SAY(unlink(path));
	close(fd);
	fd = local(SOCK_STREAM);
	SAY(connect_to(fd, path));

	/* Directories. */
	SAY(mkdir("sub", 0700));
	SAY(symlink("sub", "way"));
	close(fd);
	fd = local(SOCK_STREAM);
	SAY(bind_to(fd, "way/../sub//s"));
	SAY_NAME(getsockname, fd);
	SAY(listen(fd, 1));
	SAY(chdir("sub"));
	int other = local(SOCK_STREAM);
	SAY(connect_to(other, "s"));
	SAY_NAME(getpeername, other);
	close(other);
	other = local(SOCK_STREAM);
	SAY(connect_to(other, "../way/s"));
	close(other);
	SAY(unlink("s"));
	SAY(rmdir("../sub"));
	other = local(SOCK_STREAM);
	SAY(bind_to(other, "t"));
	SAY(connect_to(other, "t"));
	SAY(chdir(directory));
	close(other);
	close(fd);
	close(server);
	close(file);
	(void)!system("rm -rf ./*");
}

static void modes(void)
{
	static const int masks[] = { 0, 022, 077, 0777 };
	char name[16];

	for (int i = 0; i < 4; i++) {
		int fd = local(SOCK_STREAM);
		struct stat st;
		umask(masks[i]);
		snprintf(name, sizeof name, "mode%d", i);
		SAY(bind_to(fd, name));
		said_mode(name);
		fstat(fd, &st);
		printf("the socket's own mode: %o\n", st.st_mode);
		close(fd);
		unlink(name);
	}
	umask(022);
	/* Which a program may set before. */
	int fd = local(SOCK_STREAM);
	SAY(fchmod(fd, 0640));
	SAY(bind_to(fd, "set"));
	said_mode("set");
	SAY(chmod("set", 0600));
	said_mode("set");
	close(fd);
	unlink("set");
}

static void said_from(int fd, int flags)
{
	struct sockaddr_un from = { 0 };
	socklen_t len = sizeof from;
	char buf[16] = "";
	long n = recvfrom(fd, buf, sizeof buf - 1, flags | MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < 0)
		printf("nothing: %s\n", strerrorname_np(errno));
	else
		said_name(buf, n, &from, len);
}

static void datagrams(void)
{
	int a = local(SOCK_DGRAM), b = local(SOCK_DGRAM), pair[2];
	struct name name = named("b"), none = named("none");
	struct iovec part = { (void *)"message", 7 };
	struct msghdr message = { .msg_name = &name.un, .msg_namelen = name.len, .msg_iov = &part, .msg_iovlen = 1 };
	struct mmsghdr several[3] = { { .msg_hdr = message }, { .msg_hdr = message }, { .msg_hdr = message } };

	SAY(bind_to(b, "/b"));
	SAY(send_to(a, "unnamed", 0, "b"));
	said_from(b, 0);
	SAY(bind_to(a, "a"));
	SAY(send_to(a, "named", 0, "/b"));
	said_from(b, MSG_PEEK);
	said_from(b, 0);
	SAY(sendmsg(a, &message, 0));
	said_from(b, 0);
	several[1].msg_hdr.msg_name = &none.un;
	several[1].msg_hdr.msg_namelen = none.len;
	SAY(sendmmsg(a, several, 3, 0));
	said_from(b, 0);
	said_from(b, 0);
	SAY(send_to(a, "x", 0, "none"));
	SAY(send(a, "x", 1, 0));
	SAY(connect_to(a, "b"));
	SAY_NAME(getpeername, a);
	SAY(send(a, "connected", 9, 0));
	said_from(b, 0);
	SAY(send_to(b, "back", 0, "a"));
	said_from(a, 0);
	int c = local(SOCK_DGRAM);
	SAY(send_to(c, "stranger", 0, "a"));
	said_from(a, 0);
	SAY(connect(a, (struct sockaddr *)&(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)));
	SAY_NAME(getpeername, a);
	message.msg_name = (void *)8;
	SAY(sendmsg(a, &message, 0));
	SAY(sendmsg(a, (void *)8, 0));
	message.msg_namelen = 2;
	message.msg_name = &name.un;
	SAY(sendmsg(a, &message, 0));
	message.msg_namelen = 4096;
	SAY(sendmsg(a, &message, 0));
	/* Until there is no room. */
	long n = 0;
	while (send_to(c, "fill", MSG_DONTWAIT, "b") == 4)
		n++;
	printf("%d, then %s\n", n > 5, strerrorname_np(errno));
	close(b);
	SAY(send_to(c, "x", 0, "b"));
	SAY(connect_to(c, "b"));
	SAY(listen(c, 1));
	int s = listener("s", 1);
	SAY(send_to(c, "x", 0, "s"));
	SAY(connect_to(c, "s"));
	close(s);
	SAY(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	SAY(send_to(pair[0], "x", 0, "a"));
	said_from(a, 0);
	SAY(write(pair[0], "pair", 4));
	said_from(pair[1], 0);
	close(pair[0]);
	close(pair[1]);
	close(a);
	close(c);
	unlink("a");
	unlink("b");
	unlink("s");
}

/* ---- Waiting ---- */

static atomic_int waiting_result;

static void *connect_waiting(void *arg)
{
	int fd = local(SOCK_STREAM);

	waiting_result = connect_to(fd, arg) == 0 ? 0 : errno;
	return (void *)(long)fd;
}

static pthread_t waiter(const char *name)
{
	pthread_t thread;

	waiting_result = -1;
	pthread_create(&thread, NULL, connect_waiting, (void *)name);
	/* It waits, and others do not; natively nothing tells more. */
	nanosleep(&(struct timespec){ .tv_nsec = 400 * MILLISECONDS }, NULL);
	printf("waiting: %d\n", (int)waiting_result);
	return thread;
}

static void finish(pthread_t thread)
{
	void *fd;

	pthread_join(thread, &fd);
	printf("then: %s\n", waiting_result == 0 ? "connected" : strerrorname_np(waiting_result));
	fflush(stdout);
	close((int)(long)fd);
}

static void waits(void)
{
	int server = listener("full", 0), fds[2], fd = local(SOCK_STREAM | SOCK_NONBLOCK);

	for (int i = 0; i < 1; i++)
		SAY(connect_to(fds[i] = local(SOCK_STREAM), "full"));
	SAY(connect_to(fd, "full"));
	pthread_t thread = waiter("full");
	close(accept(server, NULL, NULL));
	finish(thread);
	/* A signal breaks it off, or does not. */
	for (int restart = 0; restart < 2; restart++) {
		handle(SIGUSR1, ignore_signal, restart ? SA_RESTART : 0);
		thread = waiter("full");
		pthread_kill(thread, SIGUSR1);
		nanosleep(&(struct timespec){ .tv_nsec = 400 * MILLISECONDS }, NULL);
		printf("after a signal: %s\n", waiting_result > 0 ? strerrorname_np(waiting_result) : waiting_result < 0 ? "waiting" : "connected");
		close(accept(server, NULL, NULL));
		if (restart)
			close(accept(server, NULL, NULL));
		finish(thread);
		if (!restart)
			SAY(connect_to(local(SOCK_STREAM), "full"));
	}
	/* Nobody listens any more. */
	SAY(connect_to(local(SOCK_STREAM | SOCK_NONBLOCK), "full"));
	thread = waiter("full");
	close(server);
	finish(thread);
	close(fds[0]);
	close(fd);
	unlink("full");
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signo)
{
	(void)signo;
	alarms++;
}

/* A datagram that finds no room waits too. */
static void waits_to_send(void)
{
	int to = local(SOCK_DGRAM), from = local(SOCK_DGRAM);

	bind_to(to, "slow");
	while (send_to(from, "fill", MSG_DONTWAIT, "slow") == 4)
		;
	handle(SIGALRM, count_alarm, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 50000 }, NULL);
	SAY(send_to(from, "wait", 0, "slow"));
	printf("alarms: %d\n", (int)alarms);
	handle(SIGALRM, count_alarm, SA_RESTART);
	pid_t child = fork();
	if (child == 0) {
		char buf[8];
		nanosleep(&(struct timespec){ .tv_nsec = 200 * MILLISECONDS }, NULL);
		recv(to, buf, sizeof buf, 0);
		_exit(0);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_value.tv_usec = 50000 }, NULL);
	SAY(send_to(from, "wait", 0, "slow"));
	printf("alarms: %d\n", (int)alarms);
	said_end("receiver", child);
	setsockopt(from, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_usec = 50000 }, sizeof(struct timeval));
	SAY(send_to(from, "wait", 0, "slow"));
	close(to);
	close(from);
	unlink("slow");
}

/* ---- What goes with a connection ---- */

static void passing(void)
{
	int server = listener("pass", 5), a = local(SOCK_STREAM), pipes[2];
	struct ucred who = { 0 };
	socklen_t len = sizeof who;
	char byte = 'p', control[64] __attribute__((aligned(8))) = "";
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *head = (struct cmsghdr *)control;

	pid_t child = fork();
	if (child == 0) {
		int fd = local(SOCK_STREAM), got;
		connect_to(fd, "pass");
		message.msg_controllen = sizeof control;
		if (recvmsg(fd, &message, 0) != 1)
			_exit(1);
		memcpy(&got, CMSG_DATA(head), sizeof got);
		_exit(write(got, "through", 7) != 7);
	}
	int b = accept(server, NULL, NULL);
	SAY(getsockopt(b, SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("peer: %d %d %d\n", who.pid == child, who.uid == getuid(), who.gid == getgid());
	(void)!pipe(pipes);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &pipes[1], sizeof(int));
	message.msg_controllen = CMSG_SPACE(sizeof(int));
	SAY(sendmsg(b, &message, 0));
	char buf[16];
	SAY(read(pipes[0], buf, sizeof buf));
	said_end("child", child);
	SAY(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who, &len));
	printf("listener: %d %d\n", who.pid == getpid(), who.uid == getuid());
	close(b);
	close(server);
	/* Credentials beside a named datagram. */
	struct name name = named("creds");
	b = local(SOCK_DGRAM);
	bind_to(b, "creds");
	close(a);
	a = local(SOCK_DGRAM);
	who = (struct ucred){ getpid(), getuid(), getgid() };
	head->cmsg_type = SCM_CREDENTIALS;
	head->cmsg_len = CMSG_LEN(sizeof who);
	memcpy(CMSG_DATA(head), &who, sizeof who);
	message.msg_controllen = CMSG_SPACE(sizeof who);
	message.msg_name = &name.un;
	message.msg_namelen = name.len;
	SAY(sendmsg(a, &message, 0));
	said_from(b, 0);
	close(a);
	close(b);
	close(pipes[0]);
	close(pipes[1]);
	unlink("pass");
	unlink("creds");
}

static void *in_circles(void *arg)
{
	char name[32], byte = 0;
	long good = 0;

	snprintf(name, sizeof name, "thread%ld", (long)arg);
	for (int i = 0; i < ROUNDS; i++) {
		int server = listener(name, 5), a = local(SOCK_STREAM);
		int b = connect_to(a, name) == 0 ? accept(server, NULL, NULL) : -1;
		good += b >= 0 && write(a, "x", 1) == 1 && read(b, &byte, 1) == 1;
		close(a);
		close(b);
		close(server);
		good -= unlink(name) != 0;
	}
	return (void *)good;
}

static void many(void)
{
	pthread_t threads[THREADS];
	long good = 0;

	for (int process = 0; process < 2; process++) {
		pid_t child = process == 0 ? fork() : 0;
		if (child > 0) {
			said_end("other", child);
			continue;
		}
		for (long i = 0; i < THREADS; i++)
			pthread_create(&threads[i], NULL, in_circles, (void *)(i + 10 * process));
		for (int i = 0; i < THREADS; i++) {
			void *value;
			pthread_join(threads[i], &value);
			good += (long)value;
		}
		if (process == 0)
			_exit(good == THREADS * ROUNDS ? 0 : 1);
	}
	printf("%ld connections\n", good);
}

int main(int argc, char **argv)
{
	calls_begin(argc, argv);
	if (!getcwd(directory, sizeof directory))
		return 1;
	streams();
	addresses();
	modes();
	datagrams();
	waits();
	waits_to_send();
	passing();
	many();
	return 0;
}
