/* What the writer and the reader of trees, and streams, share. */
#ifndef PULIH_REPO_TREE_INTERNAL_H
#define PULIH_REPO_TREE_INTERNAL_H

#include "core/repo/tree.h"

#define TREE_VERSION 1
#define TREE_NODE_HEADER 2u			       /* version, level */
#define TREE_NODE_LIMIT (ENTRY_MAX + TREE_NODE_HEADER) /* bytes of a node that holds one entry alone */

/* One line of a node above level 0. */
struct tree_record {
	struct entry_bytes first; /* path of the first entry below it */
	const uint8_t *id;
	uint32_t length;
	uint64_t entries;
};

/* Version, level and size of a node. PL_TREE_BROKEN, PL_FORMAT_VERSION. */
enum err tree_node_check(const void *bytes, size_t size, uint8_t level);

#endif
