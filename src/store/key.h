// What may be asked of keys, for back ends. Internal to this room; the rules are in store.h.
#pragma once

#include <string>

namespace drst {

bool is_key(const std::string& key);
/// InputError unless `prefix` can be the beginning of a key. (Its last part may be incomplete, or empty.)
void check_prefix(const std::string& prefix);

}  // namespace drst
