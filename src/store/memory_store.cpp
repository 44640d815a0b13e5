#include "store/memory_store.h"

#include "base/error.h"
#include "base/text.h"
#include "store/key.h"

namespace drst {

void MemoryDisk::change(const std::string& key, Content content, Sync sync) {
  if (sync == Sync::yes) {
    synced_.erase(key);
  } else if (!synced_.contains(key)) {
    const auto old = objects_.find(key);
    synced_.emplace(key, old == objects_.end() ? Content() : Content(old->second));
  }
  if (content) {
    objects_[key] = std::move(*content);
  } else {
    objects_.erase(key);
  }
}

void MemoryDisk::lose_power(Random& random) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, on_disk] : synced_) {
    const auto written = objects_.find(key);
    switch (random.below(3)) {
      case 0:
        break;  // it reached the disk after all
      case 1:
        if (written != objects_.end()) written->second.resize(random.below(written->second.size() + 1));
        break;
      default:
        if (on_disk) {
          objects_[key] = *on_disk;
        } else {
          objects_.erase(key);
        }
    }
  }
  synced_.clear();
}

std::size_t MemoryDisk::unsynced() const {
  const std::lock_guard lock(mutex_);
  return synced_.size();
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk, FaultPoint* faults, Sync sync)
    : disk_(disk ? std::move(disk) : std::make_shared<MemoryDisk>()), faults_(faults), sync_(sync) {}

void MemoryStore::reached(std::string_view operation, const std::string& subject) const {
  if (faults_ != nullptr) faults_->reached(operation, subject);
}

/// A folder on disk cannot hold both "a" and "a/b"; a simulation must not be more forgiving.
void MemoryStore::check_room(const std::string& key) const {
  const auto refuse = [&](const std::string& why) {
    throw FailedError("cannot write object '" + key + "' in " + url() + ": " + why);
  };
  for (auto slash = key.find('/'); slash != std::string::npos; slash = key.find('/', slash + 1))
    if (disk_->objects_.contains(key.substr(0, slash))) refuse("'" + key.substr(0, slash) + "' is an object");
  const auto below = disk_->objects_.lower_bound(key + "/");
  if (below != disk_->objects_.end() && below->first.starts_with(key + "/"))
    refuse("it is the folder of " + below->first);
}

void MemoryStore::put(const std::string& key, std::string_view bytes) {
  check_key(key);
  reached("store.put.before", key);
  {
    const std::lock_guard lock(disk_->mutex_);
    check_room(key);
    disk_->change(key, std::string(bytes), sync_);
  }
  reached("store.put.after", key);
}

bool MemoryStore::put_new(const std::string& key, std::string_view bytes) {
  check_key(key);
  reached("store.put_new.before", key);
  bool created = false;
  {
    const std::lock_guard lock(disk_->mutex_);
    if (!disk_->objects_.contains(key)) {
      check_room(key);
      disk_->change(key, std::string(bytes), sync_);
      created = true;
    }
  }
  reached("store.put_new.after", key);
  return created;
}

std::optional<std::string> MemoryStore::get(const std::string& key, std::uint64_t limit) {
  check_key(key);
  reached("store.get.before", key);
  const std::lock_guard lock(disk_->mutex_);
  const auto found = disk_->objects_.find(key);
  if (found == disk_->objects_.end()) return std::nullopt;
  if (found->second.size() > limit)
    throw FailedError("cannot read object '" + key + "' in " + url() + ": it has " +
                      to_text(found->second.size()) + " bytes; at most " + to_text(limit) + " are read");
  return found->second;
}

bool MemoryStore::exists(const std::string& key) {
  check_key(key);
  reached("store.exists.before", key);
  const std::lock_guard lock(disk_->mutex_);
  return disk_->objects_.contains(key);
}

std::vector<std::string> MemoryStore::list(const std::string& prefix) {
  check_prefix(prefix);
  reached("store.list.before", prefix);
  const std::lock_guard lock(disk_->mutex_);
  std::vector<std::string> keys;
  for (auto at = disk_->objects_.lower_bound(prefix);
       at != disk_->objects_.end() && at->first.starts_with(prefix); ++at)
    keys.push_back(at->first);
  return keys;
}

bool MemoryStore::remove(const std::string& key) {
  check_key(key);
  reached("store.remove.before", key);
  bool removed = false;
  {
    const std::lock_guard lock(disk_->mutex_);
    removed = disk_->objects_.contains(key);
    if (removed) disk_->change(key, std::nullopt, sync_);
  }
  reached("store.remove.after", key);
  return removed;
}

}  // namespace drst
