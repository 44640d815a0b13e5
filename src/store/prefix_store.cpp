#include "store/prefix_store.h"

#include <utility>

#include "base/error.h"
#include "store/key.h"

namespace drst {

PrefixStore::PrefixStore(ObjectStore& below, std::string prefix) : below_(below), prefix_(std::move(prefix)) {
  if (prefix_.empty()) return;
  if (prefix_.back() != '/')
    throw InputError("store prefix '" + prefix_ +
                     "' must end with '/', so that it names whole parts of keys");
  check_prefix(prefix_);
}

std::string PrefixStore::whole(const std::string& key) const {
  check_key(key);
  return prefix_ + key;
}

void PrefixStore::put(const std::string& key, std::string_view bytes) { below_.put(whole(key), bytes); }
bool PrefixStore::put_new(const std::string& key, std::string_view bytes) {
  return below_.put_new(whole(key), bytes);
}
std::optional<std::string> PrefixStore::get(const std::string& key, std::uint64_t limit) {
  return below_.get(whole(key), limit);
}
bool PrefixStore::exists(const std::string& key) { return below_.exists(whole(key)); }
bool PrefixStore::remove(const std::string& key) { return below_.remove(whole(key)); }

std::vector<std::string> PrefixStore::list(const std::string& prefix) {
  check_prefix(prefix);
  auto keys = below_.list(prefix_ + prefix);
  for (auto& key : keys) key.erase(0, prefix_.size());
  return keys;
}

std::optional<std::filesystem::path> PrefixStore::local_file(const std::string& key) const {
  return below_.local_file(whole(key));
}

std::string PrefixStore::url() const {
  if (prefix_.empty()) return below_.url();
  return below_.url() + "/" + prefix_.substr(0, prefix_.size() - 1);
}

}  // namespace drst
