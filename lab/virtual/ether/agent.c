/*
 * Runs on a virtual board: carries the radio frames of mac80211_hwsim between its generic netlink socket and a port of the
 * lab machine (virtio-serial), and understands none of them. Each datagram of the kernel goes out with its length before
 * it (32 bit, in the order of the machine: little-endian), and what comes with its length is given to the kernel as one.
 *
 * usage: agent PORT      prints "ready"; ends when the lab machine closes the port
 *
 * Without a C library, so that one compiler makes it for boards of another architecture too.
 */
typedef unsigned int u32;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, POLL = 271, SOCKET = 41, SENDTO = 44, RECVFROM = 45, BIND = 49, SETSOCKOPT = 54, EXIT = 60, OPENAT = 257 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall" : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run\n");
#elif defined(__aarch64__)
enum { OPENAT = 56, READ = 63, WRITE = 64, POLL = 73, EXIT = 93, SOCKET = 198, BIND = 200, SENDTO = 206, RECVFROM = 207, SETSOCKOPT = 208 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl run\n");
#else
#error "no system calls are known for this architecture"
#endif

/* Constants of Linux's uapi headers. */
enum {
	AF_NETLINK = 16, SOCK_RAW = 3, NETLINK_GENERIC = 16, SOL_SOCKET = 1, SO_RCVBUFFORCE = 33, SO_SNDBUFFORCE = 32,
	SOL_NETLINK = 270, NETLINK_NO_ENOBUFS = 5, NETLINK_CAP_ACK = 10,
	MSG_DONTWAIT = 0x40, O_RDWR = 2, AT_FDCWD = -100, POLLIN = 1, POLLERR = 8, POLLHUP = 16, EINTR = 4,
};
struct pollfd { int fd; short events, revents; };
struct sockaddr_nl { unsigned short family, pad; u32 pid, groups; };

/* A frame of hwsim is below 4 KiB; the lab machine sends several as one datagram. */
enum { DATAGRAM = 16384, BUFFER = 65536 };
static unsigned char out[BUFFER], in[BUFFER];

static void end(int status, const char *why)
{
	long length = 0;

	while (why[length])
		length++;
	call(WRITE, 2, (long)why, length, 0, 0, 0);
	call(EXIT, status, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static void set(int fd, int level, int option, int value)
{
	call(SETSOCKOPT, fd, level, option, (long)&value, sizeof(value), 0);
}

static void write_all(int fd, const unsigned char *bytes, long length)
{
	while (length > 0) {
		long written = call(WRITE, fd, (long)bytes, length, 0, 0, 0);

		if (written == -EINTR)
			continue;
		if (written <= 0)
			end(0, "the port was closed\n");
		bytes += written;
		length -= written;
	}
}

static u32 length_at(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24;
}

/* What the kernel has for us, as much as fits, in one write. */
static void from_kernel(int kernel, int port)
{
	long filled = 0;

	while (filled + 4 + DATAGRAM <= BUFFER) {
		unsigned char *at = out + filled;
		long length = call(RECVFROM, kernel, (long)(at + 4), DATAGRAM, MSG_DONTWAIT, 0, 0);

		if (length <= 0)
			break;
		at[0] = length;
		at[1] = length >> 8;
		at[2] = length >> 16;
		at[3] = 0;
		filled += 4 + length;
	}
	write_all(port, out, filled);
}

/* Gives the kernel each datagram that is complete; what is left moves to the front. */
static long to_kernel(int kernel, long filled)
{
	struct sockaddr_nl to = { AF_NETLINK, 0, 0, 0 };
	long at = 0;

	while (filled - at >= 4) {
		u32 length = length_at(in + at);

		if (length > BUFFER - 4)
			end(1, "a datagram is too long\n");
		if (filled - at < 4 + (long)length)
			break;
		/* What the kernel does not take, it says in a message of its own. */
		call(SENDTO, kernel, (long)(in + at + 4), length, 0, (long)&to, sizeof(to));
		at += 4 + length;
	}
	for (long i = at; i < filled; i++)
		in[i - at] = in[i];
	return filled - at;
}

__attribute__((used)) void run(long *stack)
{
	char **arguments = (char **)(stack + 1);
	struct sockaddr_nl own = { AF_NETLINK, 0, 0, 0 };
	long filled = 0;
	int kernel, port;

	if (stack[0] != 2)
		end(2, "usage: agent PORT\n");
	port = call(OPENAT, AT_FDCWD, (long)arguments[1], O_RDWR, 0, 0, 0);
	if (port < 0)
		end(1, "the port can't be opened\n");
	kernel = call(SOCKET, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, 0, 0, 0);
	if (kernel < 0 || call(BIND, kernel, (long)&own, sizeof(own), 0, 0, 0) < 0)
		end(1, "no netlink socket\n");
	set(kernel, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
	set(kernel, SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20);
	set(kernel, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1);
	set(kernel, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	call(WRITE, 1, (long)"ready\n", 6, 0, 0, 0);
	for (;;) {
		struct pollfd fds[2] = { { kernel, POLLIN, 0 }, { port, POLLIN, 0 } };

		if (call(POLL, (long)fds, 2, 0, 0, 0, 0) < 0)
			continue;
		if (fds[0].revents)
			from_kernel(kernel, port);
		if (fds[1].revents & POLLIN) {
			long length = call(READ, port, (long)(in + filled), BUFFER - filled, 0, 0, 0);

			if (length <= 0 && length != -EINTR)
				end(0, "the port was closed\n");
			if (length > 0)
				filled = to_kernel(kernel, filled + length);
		} else if (fds[1].revents & (POLLHUP | POLLERR)) {
			end(0, "the port was closed\n");
		}
	}
}
