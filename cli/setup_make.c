#include "cli/setup_make.h"
#include "cli/access.h"
#include "cli/backup_key.h"
#include "cli/new_file.h"
#include "cli/recovery_sheet.h"
#include "cli/settings.h"
#include "cli/setup_checks.h"
#include "cli/setup_file.h"
#include "cli/setup_plan.h"
#include "cli/setup_secret.h"
#include "conf/configuration.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/repo/config.h"
#include "core/repo/key_slot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define FOLDER_MODE 0750	/* of /etc/pulih, as the package makes it */
#define CONFIGURATION_MODE 0640 /* it holds no secret */
#define SHEET_MAX (16u << 20)	/* bytes; a sheet has some ten thousand */
#define KEPT_MAX 99		/* old configurations beside one another */

/* ---- before anything is written ---- */

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* A file can be made there, in a folder that is there or can be made. */
static enum err check_writable(const char *path, bool may_make_folder)
{
	char *folder = path_folder(path);
	enum err err = folder ? ERR_OK : ERR_NOMEM;

	while (err == ERR_OK && may_make_folder && access(folder, F_OK) != 0 && errno == ENOENT) {
		char *above = path_folder(folder);

		mem_free(folder);
		folder = above;
		err = folder ? ERR_OK : ERR_NOMEM;
	}
	if (err == ERR_OK && access(folder, F_OK) != 0)
		err = fail_errno(PL_SETUP_PRIVILEGE, "cannot write %s", path);
	else if (err == ERR_OK && access(folder, W_OK | X_OK) != 0)
		err = fail_errno(PL_SETUP_PRIVILEGE, "cannot write in %s", folder);
	mem_free(folder);
	return err;
}

/* What a run that was killed leaves where it was about to write: a new file that nothing has come into. */
static bool is_left_over(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0;
}

static enum err check_configuration_file(const struct setup_request *request)
{
	struct stat status;

	if (lstat(request->configuration, &status) != 0)
		return check_writable(request->configuration, true);
	if (!S_ISREG(status.st_mode))
		return fail(PL_OUTPUT_EXISTS, "%s is there, and no regular file", request->configuration);
	if (!request->force)
		return fail(PL_OUTPUT_EXISTS, "%s is there already; --force keeps it as %s.bak and writes a new one",
		    request->configuration, request->configuration);
	return check_writable(request->configuration, true);
}

/* The text without the key, which is not there yet, as a file that nobody sees. */
static enum err check_text(const struct setup_request *request)
{
	struct configuration *configuration = NULL;
	struct buffer text = {0};
	char path[64];
	int fd = memfd_create("pulih.yaml", MFD_CLOEXEC);
	enum err err = fd < 0 ? fail_errno(PL_FILE_WRITE, "cannot try the configuration") : ERR_OK;

	if (err == ERR_OK)
		err = setup_plan_text(&text, request->answers, NULL);
	if (err == ERR_OK && file_write_all(fd, text.data, text.length) != 0)
		err = fail_errno(PL_FILE_WRITE, "cannot try the configuration");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (err == ERR_OK) {
		err = configuration_load(&configuration, path);
		if (err != ERR_OK)
			fail_context(err, "the configuration would not be accepted");
	}
	configuration_free(configuration);
	buffer_free(&text);
	if (fd >= 0)
		close(fd);
	return err;
}

enum err setup_make_check_files(const struct setup_request *request)
{
	enum err err = check_configuration_file(request);

	return err == ERR_OK ? check_writable(request->key, true) : err;
}

enum err setup_make_check(const struct setup_request *request)
{
	const char *sheet = request->answers->text[ANSWER_SHEET];
	const bool goes_on = setup_checks_place(request->answers->text[ANSWER_TARGET]) == PLACE_REPOSITORY;
	enum err err = setup_make_check_files(request);

	if (err == ERR_OK && !goes_on && is_there(request->key) && !is_left_over(request->key))
		err = fail(PL_OUTPUT_EXISTS,
		    "%s is there already, and is no key of a repository that is still to be made; "
		    "name another file with --key",
		    request->key);
	if (err == ERR_OK && !goes_on && *sheet && is_there(sheet) && !is_left_over(sheet))
		err = fail(PL_OUTPUT_EXISTS, "%s is there already; name another file with --sheet", sheet);
	if (err == ERR_OK && *sheet && !is_there(sheet))
		err = check_writable(sheet, false);
	for (size_t i = 0; err == ERR_OK && i < request->answers->servers.count; i++)
		err = setup_secret_check(&request->answers->servers.items[i], request->force);
	return err == ERR_OK ? check_text(request) : err;
}

/* ---- repository ---- */

static void say_made(const char *format, const char *what, const char *where)
{
	if (output_level() >= OUTPUT_NORMAL)
		output_print(format, what, where);
}

static enum err get_repository(
    struct repository *out, const char *target, passphrase_ask ask, void *context, struct setup_made *made)
{
	enum err err;

	settings.repository = target;
	settings.key_file = NULL;
	made->repository_was_there = setup_checks_place(target) == PLACE_REPOSITORY;
	err = made->repository_was_there ? access_open_asking(out, ask, context)
					 : access_init(out, (int)suite_for_this_machine(), ask, context);
	if (err != ERR_OK)
		return err;
	hex_encode(made->repository, out->config->id, REPOSITORY_ID_SIZE);
	say_made(made->repository_was_there ? "using the repository %s at %s\n" : "made the repository %s at %s\n",
	    made->repository, target);
	return ERR_OK;
}

/* ---- backup key ---- */

/* A key that is there is used where it is one of this repository, and still good. */
static enum err check_key(const struct repository *repository, const char *file)
{
	struct keys *keys = keys_new();
	bool known = false;
	enum err err = keys ? key_file_load(keys, file) : ERR_NOMEM;

	if (err == ERR_OK && memcmp(keys->repository, repository->config->id, REPOSITORY_ID_SIZE) == 0)
		for (size_t i = 0; i < repository->keys->writers_count; i++) {
			const struct writer *writer = &repository->keys->writers[i];

			known =
			    known || (!writer->revoked && memcmp(writer->id, keys->signer.writer, WRITER_ID_SIZE) == 0);
		}
	if (err == ERR_OK && !known)
		err = fail(PL_OUTPUT_EXISTS,
		    "%s is there already, and is no key of this repository that is still good; name another file with "
		    "--key",
		    file);
	keys_free(keys);
	return err;
}

static enum err get_key(struct repository *repository, const char *file, struct setup_made *made)
{
	char *folder = path_folder(file);
	enum err err = folder ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && !made->key_was_there)
		err = file_make_folders(folder, FOLDER_MODE);
	if (err == ERR_OK && !made->key_was_there)
		err = backup_key_make(repository, file, "pulih setup", true);
	mem_free(folder);
	if (err != ERR_OK)
		return err;
	made->key = true;
	say_made(made->key_was_there ? "using the backup key %s%s\n"
				     : "made the backup key %s: it adds backups and can read none%s\n",
	    file, "");
	return ERR_OK;
}

/* ---- recovery sheet ---- */

/* A file that is there counts as the sheet where it is a whole PDF, and the repository has a recovery code. */
static enum err check_sheet(const struct repository *repository, const char *file)
{
	struct key_slot *slots = NULL;
	struct buffer pdf = {0};
	size_t count = 0;
	bool whole = false, code = false;
	enum err err = setup_file_read(file, SHEET_MAX, &pdf, &whole);

	if (err == ERR_OK)
		err = key_slot_list(repository->target, &slots, &count);
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		code = code || strcmp(slots[i].type, "recovery") == 0;
	whole = whole && pdf.length > 16 && memcmp(pdf.data, "%PDF-", 5) == 0 &&
	    memmem(pdf.data + pdf.length - 16, 16, "%%EOF", 5) != NULL;
	if (err == ERR_OK && !(whole && code))
		err = fail(PL_OUTPUT_EXISTS,
		    "%s is there already, and is no recovery sheet of this repository; name another file "
		    "with --sheet",
		    file);
	if (pdf.data)
		crypto_wipe(pdf.data, pdf.capacity);
	buffer_free(&pdf);
	mem_free(slots);
	return err;
}

static enum err get_sheet(struct repository *repository, const struct setup_answers *answers, struct setup_made *made)
{
	const struct recovery_sheet wanted = {.file = answers->text[ANSWER_SHEET],
	    .office = answers->text[ANSWER_OFFICE],
	    .made_by = answers->text[ANSWER_OPERATOR]};
	char *code = secret_new(RECOVERY_TEXT);
	uint8_t slot[KEY_SLOT_ID_SIZE];
	enum err err = code ? ERR_OK : ERR_NOMEM;

	if (err == ERR_OK && !made->sheet_was_there)
		err = recovery_sheet_make(repository, &wanted, slot, code);
	secret_free(code, RECOVERY_TEXT);
	if (err != ERR_OK)
		return err;
	made->sheet = true;
	say_made(made->sheet_was_there ? "keeping the recovery sheet %s%s\n" : "made the recovery sheet %s%s\n",
	    wanted.file, "");
	return ERR_OK;
}

/* ---- passwords of databases ---- */

static enum err get_passwords(const struct setup_request *request, struct setup_made *made)
{
	const struct setup_servers *servers = &request->answers->servers;
	char *folder = path_folder(request->configuration);
	enum err err = folder ? file_make_folders(folder, FOLDER_MODE) : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < servers->count; i++) {
		const struct setup_server *server = &servers->items[i];
		bool wrote;

		err = setup_secret_write(server, request->force, &wrote);
		if (err != ERR_OK || !server->folder)
			continue;
		made->passwords += wrote;
		say_made(wrote ? "wrote the password of the database user %s into %s\n"
			       : "keeping the password of the database user %s in %s\n",
		    server->user, server->password_file);
	}
	mem_free(folder);
	return err;
}

/* ---- configuration ---- */

/* The old file, byte for byte, under the first name that is free. */
static enum err keep_old(const char *path, struct setup_made *made)
{
	struct buffer bytes = {0};
	struct stat status;
	int fd = -1;
	enum err err = stat(path, &status) == 0 ? ERR_OK : fail_errno(PL_FILE_READ, "cannot look at %s", path);

	for (int i = 1; err == ERR_OK && i <= KEPT_MAX; i++) {
		mem_free(made->kept);
		made->kept = i == 1 ? mem_printf("%s.bak", path) : mem_printf("%s.bak%d", path, i);
		if (!made->kept || !is_there(made->kept))
			break;
	}
	if (err == ERR_OK && !made->kept)
		err = ERR_NOMEM;
	if (err == ERR_OK)
		err = file_read_all(path, SHEET_MAX, &bytes);
	if (err == ERR_OK)
		err = new_file_open(&fd, made->kept, status.st_mode & 07777);
	if (err == ERR_OK)
		err = new_file_close(fd, made->kept, new_file_write(fd, made->kept, &bytes));
	buffer_free(&bytes);
	return err;
}

/* Under its name at last: where another one has come meanwhile, that stays. */
static enum err put_in_place(const char *temporary, const char *path, bool replace)
{
	if (interrupt_requested())
		return fail(PL_INTERRUPTED, "interrupted");
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, replace ? 0 : RENAME_NOREPLACE) == 0)
		return file_sync_folder_of(path);
	return errno == EEXIST ? fail(PL_OUTPUT_EXISTS, "%s is there already", path)
			       : fail_errno(PL_FILE_WRITE, "cannot write %s", path);
}

static enum err write_temporary(int fd, const char *temporary, const struct setup_request *request)
{
	struct configuration *configuration = NULL;
	struct buffer text = {0};
	enum err err = setup_plan_text(&text, request->answers, request->key);

	if (err == ERR_OK && fchmod(fd, CONFIGURATION_MODE) != 0)
		err = fail_errno(PL_FILE_WRITE, "cannot write %s", temporary);
	if (err == ERR_OK)
		err = new_file_write(fd, temporary, &text);
	if (err == ERR_OK)
		err = configuration_load(&configuration, temporary);
	configuration_free(configuration);
	buffer_free(&text);
	return err;
}

static enum err get_configuration(const struct setup_request *request, struct setup_made *made)
{
	const bool replaces = is_there(request->configuration);
	char *folder = path_folder(request->configuration),
	     *temporary = mem_printf("%s.XXXXXX", request->configuration);
	int fd = -1;
	enum err err = folder && temporary ? file_make_folders(folder, FOLDER_MODE) : ERR_NOMEM;

	if (err == ERR_OK) {
		fd = mkostemp(temporary, O_CLOEXEC);
		if (fd < 0)
			err = fail_errno(PL_FILE_WRITE, "cannot create a file in %s", folder);
	}
	if (err == ERR_OK)
		err = write_temporary(fd, temporary, request);
	if (err == ERR_OK && replaces)
		err = keep_old(request->configuration, made);
	if (err == ERR_OK)
		err = put_in_place(temporary, request->configuration, replaces);
	if (fd >= 0)
		err = new_file_close(fd, temporary, err);
	if (err == ERR_OK) {
		made->configuration = true;
		say_made(
		    made->kept ? "wrote the configuration %s; the old one is %s\n" : "wrote the configuration %s%s\n",
		    request->configuration, made->kept ? made->kept : "");
	}
	mem_free(temporary);
	mem_free(folder);
	return err;
}

/* ---- all of it ---- */

static enum err check_what_is_there(
    const struct repository *repository, const struct setup_request *request, struct setup_made *made)
{
	const char *sheet = request->answers->text[ANSWER_SHEET];
	enum err err = ERR_OK;

	if (is_left_over(request->key))
		unlink(request->key);
	if (*sheet && is_left_over(sheet))
		unlink(sheet);
	made->key_was_there = is_there(request->key);
	made->sheet_was_there = *sheet && is_there(sheet);
	if (made->key_was_there)
		err = check_key(repository, request->key);
	if (err == ERR_OK && made->sheet_was_there)
		err = check_sheet(repository, sheet);
	return err;
}

static enum err go_on(void)
{
	return interrupt_requested() ? fail(PL_INTERRUPTED, "interrupted") : ERR_OK;
}

enum err setup_make_all(const struct setup_request *request, passphrase_ask ask, void *context, struct setup_made *made)
{
	struct repository repository = {0};
	enum err err = get_repository(&repository, request->answers->text[ANSWER_TARGET], ask, context, made);

	if (err != ERR_OK)
		return err;
	err = check_what_is_there(&repository, request, made);
	if (err == ERR_OK)
		err = go_on();
	if (err == ERR_OK)
		err = get_key(&repository, request->key, made);
	if (err == ERR_OK)
		err = go_on();
	if (err == ERR_OK && *request->answers->text[ANSWER_SHEET])
		err = get_sheet(&repository, request->answers, made);
	if (err == ERR_OK)
		err = go_on();
	if (err == ERR_OK)
		err = get_passwords(request, made);
	if (err == ERR_OK)
		err = get_configuration(request, made);
	repository_close(&repository);
	return err;
}
