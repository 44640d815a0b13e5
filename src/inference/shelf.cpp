#include "inference/shelf.h"

namespace drst {

/// A place that stays while it is used.
class ModelShelf::Use {
 public:
  Use(ModelShelf& shelf, const std::string& sha256) : shelf_(shelf), place_(find(shelf, sha256)) {}
  ~Use() {
    const std::lock_guard lock(shelf_.mutex_);
    --place_.users;
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  [[nodiscard]] std::mutex& loading() const { return place_.loading; }
  [[nodiscard]] std::shared_ptr<const Model> model() const {
    const std::lock_guard lock(shelf_.mutex_);
    return place_.model.lock();
  }
  void put(const std::shared_ptr<const Model>& model) const {
    const std::lock_guard lock(shelf_.mutex_);
    place_.model = model;
  }

 private:
  static Place& find(ModelShelf& shelf, const std::string& sha256) {
    const std::lock_guard lock(shelf.mutex_);
    std::erase_if(shelf.places_,
                  [](const auto& entry) { return entry.second.users == 0 && entry.second.model.expired(); });
    Place& place = shelf.places_[sha256];
    ++place.users;
    return place;
  }

  ModelShelf& shelf_;
  Place& place_;
};

std::shared_ptr<const Model> ModelShelf::get(const std::string& sha256,
                                             const std::function<std::shared_ptr<const Model>()>& load) {
  const Use place(*this, sha256);
  const std::lock_guard lock(place.loading());
  auto model = place.model();
  if (!model) {
    model = load();
    place.put(model);
  }
  return model;
}

std::size_t ModelShelf::size() const {
  const std::lock_guard lock(mutex_);
  return places_.size();
}

}  // namespace drst
