#include "core/ssh/sftp_internal.h"

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/output.h"

#define WINDOW (8u << 20)	  /* bytes that the server may send ahead: two files' worth of reading ahead */
#define TAKE_SIZE (256u << 10)	  /* bytes taken from the channel at once */
#define PIECE_DEFAULT (32u << 10) /* bytes that every server takes and gives in one request */
#define PIECE_READ (64u << 10)	  /* bytes asked for at once where the server says that it gives so many */
#define PIECE_WRITE (128u << 10)  /* and written at once */
#define PIECE_LEAST 4096u	  /* a limit below that is none */
#define GREETING_SHOWN 100u	  /* bytes of text that stands where SFTP should begin */

enum err sftp_bad(struct sftp *sftp, const char *what)
{
	return ssh_end(sftp->ssh, PL_SSH_PROTOCOL, "the SFTP server of %s breaks the rules: %s", sftp->ssh->name, what);
}

/* ---- asking ---- */

static enum err put_field(struct buffer *body, char field, va_list *arguments)
{
	const char *text;
	const struct buffer *handle;
	const void *bytes;

	switch (field) {
	case 's':
		text = va_arg(*arguments, const char *);
		return sftp_wire_put_string(body, text, strlen(text));
	case 'h':
		handle = va_arg(*arguments, const struct buffer *);
		return sftp_wire_put_string(body, handle->data, handle->length);
	case 'b':
		bytes = va_arg(*arguments, const void *);
		return sftp_wire_put_string(body, bytes, va_arg(*arguments, size_t));
	case 'u':
		return sftp_wire_put_u32(body, va_arg(*arguments, uint32_t));
	default:
		return sftp_wire_put_u64(body, va_arg(*arguments, uint64_t));
	}
}

/* A place that is free. There is one where fewer than SFTP_REQUESTS are unanswered; its number goes on, whichever come back late. */
static struct sftp_request *free_place(struct sftp *sftp)
{
	while (sftp->requests[sftp->next % SFTP_REQUESTS].answer)
		sftp->next++;
	return &sftp->requests[sftp->next % SFTP_REQUESTS];
}

enum err sftp_ask(struct sftp *sftp, enum sftp_type type, sftp_answer answer, void *context, const char *fields, ...)
{
	struct sftp_request *request;
	const size_t before = sftp->out.length;
	enum err err = ssh_still(sftp->ssh);
	va_list arguments;

	/* Room is made by who asks many at once; nobody gets here with that many. */
	if (err == ERR_OK && sftp->asked >= SFTP_REQUESTS)
		err = fail(PL_SFTP_LIMIT, "too many requests are unanswered at %s", sftp->ssh->name);
	if (err != ERR_OK)
		return err;
	request = free_place(sftp);
	buffer_clear(&sftp->body);
	va_start(arguments, fields);
	for (; err == ERR_OK && *fields; fields++)
		err = put_field(&sftp->body, *fields, &arguments);
	va_end(arguments);
	if (err == ERR_OK)
		err = sftp_wire_put_u32(&sftp->out, (uint32_t)sftp->body.length + 5);
	if (err == ERR_OK)
		err = buffer_append_u8(&sftp->out, (uint8_t)type);
	if (err == ERR_OK)
		err = sftp_wire_put_u32(&sftp->out, sftp->next);
	if (err == ERR_OK)
		err = buffer_append(&sftp->out, sftp->body.data, sftp->body.length);
	if (err != ERR_OK) {
		sftp->out.length = before;
		return err;
	}
	*request = (struct sftp_request){.id = sftp->next++, .answer = answer, .context = context};
	if (sftp->asked++ == 0)
		sftp->progress = clock_monotonic();
	return ERR_OK;
}

void sftp_divert(struct sftp *sftp, const void *from, const void *to, sftp_answer answer, void *context)
{
	for (size_t i = 0; i < SFTP_REQUESTS; i++) {
		struct sftp_request *request = &sftp->requests[i];

		if (request->answer && (uintptr_t)request->context >= (uintptr_t)from &&
		    (uintptr_t)request->context < (uintptr_t)to) {
			request->answer = answer;
			request->context = context;
		}
	}
}

enum err sftp_ignore(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	(void)context;
	(void)type;
	(void)wire;
	return ERR_OK;
}

/* ---- moving ---- */

/* One packet without its length: a type, the number of a request, and what the answer says. */
static enum err take_packet(struct sftp *sftp, const uint8_t *packet, size_t size)
{
	struct sftp_wire wire = sftp_wire_of(packet + 1, size - 1);
	const uint32_t id = sftp_wire_u32(&wire);
	struct sftp_request *request = &sftp->requests[id % SFTP_REQUESTS], taken = *request;

	if (wire.bad)
		return sftp_bad(sftp, "an answer without a number");
	if (!taken.answer || taken.id != id)
		return sftp_bad(sftp, "an answer that nobody asked for");
	*request = (struct sftp_request){0};
	sftp->asked--;
	return taken.answer(taken.context, (enum sftp_type)packet[0], &wire);
}

/* The next packet that is whole; *size 0 where there is none yet. */
static enum err next_packet(struct sftp *sftp, const uint8_t **packet, size_t *size)
{
	struct sftp_wire wire = sftp_wire_of(sftp->in.data + sftp->in_at, sftp->in.length - sftp->in_at);
	uint32_t length;

	*size = 0;
	if (sftp_wire_left(&wire) < 4)
		return ERR_OK;
	length = sftp_wire_u32(&wire);
	if (length == 0 || length > SFTP_PACKET_MAX)
		return sftp_bad(sftp, "a packet of a length that no packet has");
	if (sftp_wire_left(&wire) < length)
		return ERR_OK;
	*packet = wire.at;
	*size = length;
	sftp->in_at += 4 + (size_t)length;
	return ERR_OK;
}

static enum err take_packets(struct sftp *sftp)
{
	const uint8_t *packet = NULL;
	size_t size;
	enum err err;

	do {
		err = next_packet(sftp, &packet, &size);
		if (err == ERR_OK && size > 0)
			err = take_packet(sftp, packet, size);
	} while (err == ERR_OK && size > 0);
	memmove(sftp->in.data, sftp->in.data + sftp->in_at, sftp->in.length - sftp->in_at);
	sftp->in.length -= sftp->in_at;
	sftp->in_at = 0;
	return err;
}

static enum err send_requests(struct sftp *sftp, bool *moved)
{
	size_t taken = 0, size = sftp->out.length - sftp->out_at;
	enum err err =
	    size > 0 ? ssh_channel_write(&sftp->channel, sftp->out.data + sftp->out_at, size, &taken) : ERR_OK;

	sftp->out_at += taken;
	*moved = *moved || taken > 0;
	if (sftp->out_at == sftp->out.length) {
		buffer_clear(&sftp->out);
		sftp->out_at = 0;
	} else if (sftp->out_at > sftp->out.length / 2) {
		memmove(sftp->out.data, sftp->out.data + sftp->out_at, sftp->out.length - sftp->out_at);
		sftp->out.length -= sftp->out_at;
		sftp->out_at = 0;
	}
	return err;
}

static enum err receive(struct sftp *sftp, bool *moved)
{
	char spilled[512];
	size_t got = 0, said = 0;
	enum err err = buffer_reserve(&sftp->in, TAKE_SIZE);

	if (err == ERR_OK)
		err = ssh_channel_read(&sftp->channel, 0, sftp->in.data + sftp->in.length, TAKE_SIZE, &got);
	sftp->in.length += got;
	*moved = *moved || got > 0;
	/* What it says on standard error would else fill the window. */
	if (err == ERR_OK)
		err = ssh_channel_read(&sftp->channel, 1, spilled, sizeof(spilled), &said);
	*moved = *moved || said > 0;
	return err;
}

enum err sftp_turn(struct sftp *sftp)
{
	struct ssh *ssh = sftp->ssh;
	bool moved = false;
	enum err err = send_requests(sftp, &moved);

	if (err == ERR_OK)
		err = receive(sftp, &moved);
	if (err == ERR_OK && moved) {
		sftp->progress = clock_monotonic();
		return interrupt_requested() ? fail(PL_INTERRUPTED, "interrupted in the middle of a transfer")
					     : take_packets(sftp);
	}
	if (err == ERR_OK && ssh_channel_at_end(&sftp->channel))
		err = ssh_end(ssh, PL_SSH_BROKEN, "the SFTP server of %s has ended", ssh->name);
	if (err == ERR_OK && clock_monotonic() - sftp->progress >= ssh->timeout)
		err = ssh_end(ssh, PL_SSH_TIMEOUT, "the SFTP server of %s did not answer for %lld s", ssh->name,
		    (long long)(ssh->timeout / CLOCK_SECOND));
	return err == ERR_OK ? ssh_wait(ssh, "in the middle of a transfer") : err;
}

/* ---- one answer ---- */

uint32_t sftp_read_status(struct sftp_wire *wire, char *said, size_t room)
{
	uint32_t code = sftp_wire_u32(wire);
	size_t size = 0;
	const uint8_t *text = sftp_wire_left(wire) > 0 ? sftp_wire_string(wire, &size) : NULL;
	char *shown = text ? output_printable(text, size < room ? size : room) : NULL;

	snprintf(said, room, "%s", shown ? shown : "");
	mem_free(shown);
	return code;
}

enum err sftp_await(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp_wait *wait = context;

	wait->done = true;
	wait->type = type;
	if (type != SFTP_STATUS)
		return buffer_append(&wait->body, wire->at, sftp_wire_left(wire));
	wait->code = sftp_read_status(wire, wait->said, sizeof(wait->said));
	return wire->bad ? sftp_bad(wait->sftp, "a status that says nothing") : ERR_OK;
}

enum err sftp_wait(struct sftp_wait *wait)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && !wait->done)
		err = sftp_turn(wait->sftp);
	/* It may still come: after an interruption the session can go on. */
	if (!wait->done)
		sftp_divert(wait->sftp, wait, wait + 1, sftp_ignore, NULL);
	return err;
}

void sftp_wait_free(struct sftp_wait *wait)
{
	buffer_free(&wait->body);
}

enum err sftp_refused(struct sftp *sftp, uint32_t code, const char *said, const char *doing, const char *path)
{
	char *shown = output_printable(path, strlen(path));
	enum message id = code == SFTP_NO_SUCH_FILE ? PL_SFTP_MISSING
	    : code == SFTP_PERMISSION		    ? PL_SFTP_DENIED
	    : code == SFTP_OP_UNSUPPORTED	    ? PL_SFTP_UNSUPPORTED
						    : PL_SFTP_FAILED;
	enum err err = fail(id, "cannot %s %s at %s: %s (%u)", doing, shown ? shown : "", sftp->ssh->name,
	    said[0] ? said : "no reason given", code);

	mem_free(shown);
	return err;
}

enum err sftp_call(struct sftp_wait *wait, enum err asked, enum sftp_type expected, const char *doing, const char *path)
{
	enum err err = asked == ERR_OK ? sftp_wait(wait) : asked;

	if (err != ERR_OK)
		return err;
	if (wait->type == SFTP_STATUS && wait->code != SFTP_OK)
		return sftp_refused(wait->sftp, wait->code, wait->said, doing, path);
	return wait->type == expected ? ERR_OK : sftp_bad(wait->sftp, "an answer of the wrong kind");
}

/* ---- beginning ---- */

static void note_extension(
    struct sftp *sftp, const uint8_t *name, size_t size, const uint8_t *version, size_t version_size)
{
	static const char fsync[] = "fsync@openssh.com", statvfs[] = "statvfs@openssh.com",
			  limits[] = "limits@openssh.com";

	sftp->has_fsync = sftp->has_fsync || (size == sizeof(fsync) - 1 && memcmp(name, fsync, size) == 0);
	sftp->has_limits = sftp->has_limits || (size == sizeof(limits) - 1 && memcmp(name, limits, size) == 0);
	sftp->has_statvfs = sftp->has_statvfs ||
	    (size == sizeof(statvfs) - 1 && memcmp(name, statvfs, size) == 0 && version_size == 1 && version[0] == '2');
}

/* The server's first packet, the only one without the number of a request. */
static enum err read_version(struct sftp *sftp, const uint8_t *packet, size_t size)
{
	struct sftp_wire wire = sftp_wire_of(packet + 1, size - 1);
	uint32_t version = sftp_wire_u32(&wire);

	if (packet[0] != SFTP_VERSION || wire.bad)
		return sftp_bad(sftp, "it does not begin with its version");
	if (version != 3)
		return fail(
		    PL_SFTP_UNSUPPORTED, "the SFTP server of %s speaks version %u, not 3", sftp->ssh->name, version);
	while (sftp_wire_left(&wire) > 0) {
		size_t name_size, value_size;
		const uint8_t *name = sftp_wire_string(&wire, &name_size),
			      *value = sftp_wire_string(&wire, &value_size);

		if (wire.bad)
			return sftp_bad(sftp, "a list of extensions that is cut off");
		note_extension(sftp, name, name_size, value, value_size);
	}
	return ERR_OK;
}

/* Where a length should stand there is text: the account's shell prints something. A length with a printable first byte is beyond
 * any packet. */
static enum err check_greeting(struct sftp *sftp)
{
	size_t size = sftp->in.length < GREETING_SHOWN ? sftp->in.length : GREETING_SHOWN;
	char *shown;
	enum err err;

	if (size == 0 || sftp->in.data[0] == 0)
		return ERR_OK;
	shown = output_printable(sftp->in.data, size);
	err = ssh_end(sftp->ssh, PL_SSH_PROTOCOL, "%s prints text where SFTP should begin: \"%s\"", sftp->ssh->name,
	    shown ? shown : "");
	mem_free(shown);
	return err;
}

static enum err greet(struct sftp *sftp)
{
	static const uint8_t hello[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 3};
	const uint8_t *packet = NULL;
	size_t size = 0;
	bool moved;
	enum err err = buffer_append(&sftp->out, hello, sizeof(hello));

	sftp->progress = clock_monotonic();
	while (err == ERR_OK && size == 0) {
		moved = false;
		err = send_requests(sftp, &moved);
		if (err == ERR_OK)
			err = receive(sftp, &moved);
		if (err == ERR_OK)
			err = check_greeting(sftp);
		if (err == ERR_OK)
			err = next_packet(sftp, &packet, &size);
		if (err == ERR_OK && size == 0 && !moved && ssh_channel_at_end(&sftp->channel))
			err = fail(PL_SSH_REFUSED, "%s starts no SFTP server for this user: it ended at once",
			    sftp->ssh->name);
		if (err == ERR_OK && size == 0 && clock_monotonic() - sftp->progress >= sftp->ssh->timeout)
			err =
			    ssh_end(sftp->ssh, PL_SSH_TIMEOUT, "the SFTP server of %s does not begin", sftp->ssh->name);
		if (err == ERR_OK && size == 0 && !moved)
			err = ssh_wait(sftp->ssh, "while SFTP was started");
	}
	if (err == ERR_OK)
		err = read_version(sftp, packet, size);
	return err == ERR_OK ? take_packets(sftp) : err;
}

static uint32_t within(uint64_t limit, uint32_t most)
{
	return limit < PIECE_LEAST ? PIECE_DEFAULT : limit < most ? (uint32_t)limit : most;
}

/* How much one request may carry, where the server says so. 0 stands for no limit. */
static enum err ask_limits(struct sftp *sftp)
{
	struct sftp_wait wait = {.sftp = sftp};
	struct sftp_wire wire;
	uint64_t read_limit, write_limit;
	enum err err = sftp_call(&wait, sftp_ask(sftp, SFTP_EXTENDED, sftp_await, &wait, "s", "limits@openssh.com"),
	    SFTP_EXTENDED_REPLY, "ask for limits", "");

	if (err == ERR_OK) {
		wire = sftp_wire_of(wait.body.data, wait.body.length);
		sftp_wire_u64(&wire); /* of a packet */
		read_limit = sftp_wire_u64(&wire);
		write_limit = sftp_wire_u64(&wire);
		if (wire.bad)
			err = sftp_bad(sftp, "limits that are cut off");
		sftp->read_size = within(read_limit, PIECE_READ);
		sftp->write_size = within(write_limit, PIECE_WRITE);
	}
	sftp_wait_free(&wait);
	return err;
}

enum err sftp_open(struct sftp **out, struct ssh *ssh)
{
	struct sftp *sftp = mem_calloc(1, sizeof(*sftp));
	enum err err = ERR_NOMEM;

	*out = NULL;
	if (!sftp)
		return ERR_NOMEM;
	sftp->ssh = ssh;
	sftp->read_size = sftp->write_size = PIECE_DEFAULT;
	err = ssh_channel_open(&sftp->channel, ssh, WINDOW);
	if (err == ERR_OK)
		err = ssh_channel_request(&sftp->channel, "subsystem", "sftp");
	if (err == ERR_OK)
		err = greet(sftp);
	if (err == ERR_OK && sftp->has_limits)
		err = ask_limits(sftp);
	if (err == ERR_OK) {
		*out = sftp;
		sftp = NULL;
	}
	sftp_free(sftp);
	return err;
}

void sftp_free(struct sftp *sftp)
{
	if (!sftp)
		return;
	if (sftp->channel.channel)
		ssh_channel_free(&sftp->channel);
	buffer_free(&sftp->in);
	buffer_free(&sftp->out);
	buffer_free(&sftp->body);
	mem_free(sftp);
}
