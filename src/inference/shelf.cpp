#include "inference/shelf.h"

namespace drst {

std::shared_ptr<const Model> ModelShelf::get(const std::string& sha256,
                                             const std::function<std::shared_ptr<const Model>()>& load) {
  std::shared_ptr<Place> place;
  {
    const std::lock_guard lock(mutex_);
    // A place that nobody else holds has no load under way.
    std::erase_if(places_, [](const auto& entry) {
      return entry.second.use_count() == 1 && entry.second->model.expired();
    });
    auto& known = places_[sha256];
    if (!known) known = std::make_shared<Place>();
    place = known;
  }
  const std::lock_guard lock(place->loading);
  auto model = place->model.lock();
  if (!model) {
    model = load();
    place->model = model;
  }
  return model;
}

std::size_t ModelShelf::size() const {
  const std::lock_guard lock(mutex_);
  return places_.size();
}

}  // namespace drst
