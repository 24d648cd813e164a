#include "core/ssh/sftp_internal.h"

#include "core/base/mem.h"
#include "core/base/output.h"

#define PIECES 64u /* requests of one file on the way: 4 MiB ahead of the reader, 8 MiB behind the writer */
#define PIECES_FIRST \
	2u /* of a file that was just opened: most are small, and the second one says that nothing follows */
#define WRITE_AHEAD (4u << 20) /* bytes that are not confirmed yet */
#define READ_ONLY 1u	       /* SSH_FXF_READ */
#define WRITE_NEW 0x2au	       /* SSH_FXF_WRITE, CREAT, EXCL */
#define HAS_MODE 4u	       /* SSH_FILEXFER_ATTR_PERMISSIONS */

enum state { OPENING, OPEN, REFUSED };

/* Contiguous bytes that were asked for. */
struct piece {
	struct sftp_file *file;
	uint64_t offset;
	uint32_t size, got, taken;
	bool ended;  /* the file ends behind what was got */
	bool failed; /* it cannot be read there; file->refused says why */
	uint8_t *bytes;
};

struct sftp_file {
	struct sftp *sftp;
	char *path;
	enum state state;
	bool writes, ended;
	struct buffer handle;
	bool has_attributes;
	struct sftp_attributes attributes;
	uint32_t refused; /* the first refusal: its code, and what was said */
	char said[128];
	uint64_t offset; /* of the next request */
	/* reading */
	struct piece pieces[PIECES];
	unsigned first, count, window;
	uint32_t piece_size;
	/* writing */
	unsigned asked; /* requests that are not confirmed */
};

enum err sftp_read_handle(struct sftp *sftp, struct sftp_wire *wire, struct buffer *out)
{
	size_t size;
	const uint8_t *bytes = sftp_wire_string(wire, &size);

	if (wire->bad || size == 0 || size > SFTP_HANDLE_MAX)
		return sftp_bad(sftp, "a handle that is none");
	return buffer_append(out, bytes, size);
}

void sftp_hang_up(struct sftp *sftp, const struct buffer *handle)
{
	struct failure before = *failure_last();

	/* Nobody waits for the answer; where it cannot be asked the session has ended, and its files with it. */
	if (sftp_ask(sftp, SFTP_CLOSE, sftp_ignore, NULL, "h", handle) != ERR_OK)
		failure_put(&before);
}

static enum err refuse(struct sftp_file *file, struct sftp_wire *wire)
{
	char said[sizeof(file->said)];
	uint32_t code = sftp_read_status(wire, said, sizeof(said));

	if (wire->bad)
		return sftp_bad(file->sftp, "a status that says nothing");
	if (file->refused == 0) {
		file->refused = code == SFTP_OK ? SFTP_FAILURE : code;
		memcpy(file->said, said, sizeof(said));
	}
	return ERR_OK;
}

static enum err tell(struct sftp_file *file, const char *doing)
{
	return sftp_refused(file->sftp, file->refused, file->said, doing, file->path);
}

/* ---- reading ---- */

static enum err take_piece(void *context, enum sftp_type type, struct sftp_wire *wire);

static enum err ask_piece(struct piece *piece)
{
	return sftp_ask(piece->file->sftp, SFTP_READ, take_piece, piece, "hqu", &piece->file->handle,
	    piece->offset + piece->got, piece->size - piece->got);
}

/* Asks for pieces as far ahead as the window goes. */
static enum err ask_ahead(struct sftp_file *file)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && !file->ended && file->count < file->window && file->sftp->asked < SFTP_REQUESTS / 2) {
		struct piece *piece = &file->pieces[(file->first + file->count) % PIECES];
		uint8_t *bytes = piece->bytes ? piece->bytes : mem_alloc(file->piece_size);

		if (!bytes)
			return ERR_NOMEM;
		*piece = (struct piece){.file = file, .offset = file->offset, .size = file->piece_size, .bytes = bytes};
		err = ask_piece(piece);
		if (err == ERR_OK) {
			file->count++;
			file->offset += file->piece_size;
		}
	}
	return err;
}

static enum err take_piece(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct piece *piece = context;
	struct sftp_wire status = *wire;
	const uint8_t *bytes;
	size_t size;

	if (type == SFTP_STATUS && sftp_wire_u32(&status) == SFTP_EOF && !status.bad) {
		piece->ended = true;
		return ERR_OK;
	}
	if (type == SFTP_STATUS) {
		piece->failed = true;
		return refuse(piece->file, wire);
	}
	bytes = type == SFTP_DATA ? sftp_wire_string(wire, &size) : NULL;
	if (!bytes || size == 0 || size > piece->size - piece->got)
		return sftp_bad(piece->file->sftp, "other bytes than were asked for");
	memcpy(piece->bytes + piece->got, bytes, size);
	piece->got += (uint32_t)size;
	/* Fewer than were asked for may be the end, or a server that gives less at a time: it is asked for the rest. */
	return piece->got < piece->size ? ask_piece(piece) : ERR_OK;
}

static enum err take_attributes(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp_file *file = context;
	bool whole;

	if (type == SFTP_STATUS)
		return refuse(file, wire);
	if (type != SFTP_ATTRS)
		return sftp_bad(file->sftp, "an answer of the wrong kind");
	sftp_wire_attributes(wire, &file->attributes, &whole);
	if (wire->bad || !whole)
		return sftp_bad(file->sftp, "attributes without size, type or time");
	file->has_attributes = true;
	return ERR_OK;
}

/* The answer to an open: from here on the file has its handle, and its first pieces are asked for at once. */
static enum err take_handle(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp_file *file = context;
	enum err err;

	file->state = REFUSED;
	if (type == SFTP_STATUS)
		return refuse(file, wire);
	if (type != SFTP_HANDLE)
		return sftp_bad(file->sftp, "an answer of the wrong kind");
	err = sftp_read_handle(file->sftp, wire, &file->handle);
	if (err != ERR_OK)
		return err;
	file->state = OPEN;
	if (file->writes)
		return ERR_OK;
	err = sftp_ask(file->sftp, SFTP_FSTAT, take_attributes, file, "h", &file->handle);
	return err == ERR_OK ? ask_ahead(file) : err;
}

/* The answer to an open of somebody who does not want it any more; the context is the session's. */
static enum err take_late_handle(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp *sftp = context;
	struct buffer handle = {0};
	enum err err = ERR_OK;

	if (type == SFTP_HANDLE) {
		err = sftp_read_handle(sftp, wire, &handle);
		if (err == ERR_OK)
			sftp_hang_up(sftp, &handle);
	}
	buffer_free(&handle);
	return err;
}

static enum err file_new(struct sftp_file **out, struct sftp *sftp, const char *path)
{
	struct sftp_file *file;

	*out = NULL;
	if (sftp->files >= SFTP_FILES_MAX)
		return fail(PL_SFTP_LIMIT, "more than %u files are open at %s", SFTP_FILES_MAX, sftp->ssh->name);
	file = mem_calloc(1, sizeof(*file));
	if (!file)
		return ERR_NOMEM;
	file->sftp = sftp;
	file->piece_size = sftp->read_size;
	file->window = PIECES_FIRST;
	sftp->files++;
	*out = file;
	file->path = mem_string(path);
	return file->path ? ERR_OK : ERR_NOMEM;
}

enum err sftp_read_open(struct sftp_file **out, struct sftp *sftp, const char *path, uint64_t offset)
{
	enum err err = file_new(out, sftp, path);

	if (err == ERR_OK) {
		(*out)->offset = offset;
		err = sftp_ask(sftp, SFTP_OPEN, take_handle, *out, "suu", path, READ_ONLY, 0u);
	}
	if (err != ERR_OK) {
		sftp_file_close(*out);
		*out = NULL;
	}
	return err;
}

enum err sftp_file_attributes(struct sftp_file *file, struct sftp_attributes *out)
{
	enum err err = ERR_OK;

	while (err == ERR_OK && file->refused == 0 && !file->has_attributes)
		err = sftp_turn(file->sftp);
	if (err == ERR_OK && !file->has_attributes)
		return tell(file, file->state == REFUSED ? "open" : "look at");
	*out = file->attributes;
	return err;
}

/* Bytes of the piece that is read. *got 0: there are none yet, or no more. */
static enum err take_bytes(struct sftp_file *file, uint8_t *out, size_t size, size_t *got)
{
	struct piece *piece = &file->pieces[file->first];
	size_t ready = piece->got - piece->taken;

	*got = ready < size ? ready : size;
	if (*got > 0)
		memcpy(out, piece->bytes + piece->taken, *got);
	piece->taken += (uint32_t)*got;
	if (*got > 0)
		return ERR_OK;
	if (piece->failed)
		return tell(file, "read");
	if (piece->ended) {
		/* What was asked for behind the end is of no interest. */
		file->ended = true;
		sftp_divert(file->sftp, file->pieces, file->pieces + PIECES, sftp_ignore, NULL);
	} else if (piece->taken == piece->size) {
		file->first = (file->first + 1) % PIECES;
		file->count--;
		file->window = file->window + 2 < PIECES ? file->window + 2 : PIECES;
	}
	return ERR_OK;
}

enum err sftp_read(struct sftp_file *file, void *out, size_t size, size_t *got)
{
	struct pace *pace = file->sftp->ssh->pace;
	enum err err = ERR_OK;

	*got = 0;
	if (pace && pace->rate > 0 && size > pace->rate / 8 + 1)
		size = (size_t)(pace->rate / 8 + 1);
	while (err == ERR_OK && *got == 0 && !file->ended) {
		const struct piece *piece = &file->pieces[file->first];

		if (file->state == REFUSED)
			return tell(file, "open");
		if (file->state == OPEN)
			err = ask_ahead(file);
		if (err == ERR_OK && file->count > 0 &&
		    (piece->got > piece->taken || piece->ended || piece->failed || piece->taken == piece->size))
			err = take_bytes(file, out, size, got);
		else if (err == ERR_OK)
			err = sftp_turn(file->sftp);
	}
	if (pace && *got > 0)
		pace_wait(pace, *got);
	return err;
}

/* ---- writing ---- */

static enum err take_confirmation(void *context, enum sftp_type type, struct sftp_wire *wire)
{
	struct sftp_file *file = context;
	struct sftp_wire status = *wire;

	file->asked--;
	if (type != SFTP_STATUS)
		return sftp_bad(file->sftp, "an answer of the wrong kind");
	if (sftp_wire_u32(&status) == SFTP_OK && !status.bad)
		return ERR_OK;
	return refuse(file, wire);
}

enum err sftp_write_open(struct sftp_file **out, struct sftp *sftp, const char *path, mode_t mode)
{
	struct sftp_attributes there;
	struct sftp_file *file = NULL;
	enum err err = file_new(&file, sftp, path);

	*out = NULL;
	if (err == ERR_OK) {
		file->writes = true;
		err = sftp_ask(
		    sftp, SFTP_OPEN, take_handle, file, "suuu", path, WRITE_NEW, HAS_MODE, (uint32_t)mode & 07777);
	}
	while (err == ERR_OK && file->state == OPENING)
		err = sftp_turn(sftp);
	if (err == ERR_OK && file->state == REFUSED) {
		err = tell(file, "make");
		if (failure_last()->id == PL_SFTP_FAILED) {
			struct failure failure = *failure_last();

			err = sftp_lstat(sftp, path, &there) == ERR_OK ? fail(PL_SFTP_EXISTS, "%s", failure.text)
			    : ssh_is_broken(sftp->ssh)		       ? failure_last()->kind
								       : failure_put(&failure);
		}
	}
	if (err == ERR_OK)
		*out = file;
	else
		sftp_file_close(file);
	return err;
}

/* Waits until at most `most` requests of the file are unconfirmed, and the requests that wait for the channel are few. */
static enum err wait_for_confirmations(struct sftp_file *file, unsigned most)
{
	struct sftp *sftp = file->sftp;
	enum err err = ssh_still(sftp->ssh);

	while (err == ERR_OK && (file->asked > most || sftp->out.length - sftp->out_at > SFTP_OUT_FULL))
		err = sftp_turn(sftp);
	if (err == ERR_OK && file->refused != 0)
		err = tell(file, "write");
	return err;
}

enum err sftp_write(struct sftp_file *file, const void *bytes, size_t size)
{
	struct sftp *sftp = file->sftp;
	const uint8_t *at = bytes;
	enum err err = ERR_OK;

	while (err == ERR_OK && size > 0) {
		size_t piece = size < sftp->write_size ? size : sftp->write_size;

		if (sftp->ssh->pace)
			pace_wait(sftp->ssh->pace, piece);
		err = wait_for_confirmations(file, WRITE_AHEAD / sftp->write_size - 1);
		if (err == ERR_OK)
			err = sftp_ask(
			    sftp, SFTP_WRITE, take_confirmation, file, "hqb", &file->handle, file->offset, at, piece);
		if (err == ERR_OK) {
			file->asked++;
			file->offset += piece;
			at += piece;
			size -= piece;
		}
	}
	return err;
}

enum err sftp_sync(struct sftp_file *file, bool *durable)
{
	struct sftp *sftp = file->sftp;
	struct sftp_wait wait = {.sftp = sftp};
	enum err err = wait_for_confirmations(file, 0);

	*durable = false;
	if (err == ERR_OK && sftp->has_fsync) {
		err = sftp_call(&wait,
		    sftp_ask(sftp, SFTP_EXTENDED, sftp_await, &wait, "sh", "fsync@openssh.com", &file->handle),
		    SFTP_STATUS, "write to the disk", file->path);
		*durable = err == ERR_OK;
	}
	sftp_wait_free(&wait);
	return err;
}

/* ---- the end ---- */

static enum err finish_writing(struct sftp_file *file)
{
	struct sftp *sftp = file->sftp;
	struct sftp_wait wait = {.sftp = sftp};
	enum err err = wait_for_confirmations(file, 0);

	if (err == ERR_OK) {
		err = sftp_call(&wait, sftp_ask(sftp, SFTP_CLOSE, sftp_await, &wait, "h", &file->handle), SFTP_STATUS,
		    "close", file->path);
		file->state = REFUSED;
	}
	sftp_wait_free(&wait);
	return err;
}

enum err sftp_file_close(struct sftp_file *file)
{
	struct sftp *sftp;
	enum err err = ERR_OK;

	if (!file)
		return ERR_OK;
	sftp = file->sftp;
	if (file->state == OPEN && file->writes)
		err = finish_writing(file);
	/* An open that is under way must be closed when it is there. */
	if (file->state == OPENING)
		sftp_divert(sftp, file, file + 1, take_late_handle, sftp);
	sftp_divert(sftp, file, file + 1, sftp_ignore, NULL);
	if (file->state == OPEN && !ssh_is_broken(sftp->ssh))
		sftp_hang_up(sftp, &file->handle);
	for (size_t i = 0; i < PIECES; i++)
		mem_free(file->pieces[i].bytes);
	sftp->files--;
	buffer_free(&file->handle);
	mem_free(file->path);
	mem_free(file);
	return err;
}
