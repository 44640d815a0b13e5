#include "stream/lane.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {

constexpr std::size_t max_lane = 64;  // a topic may have 249 characters with Kafka, and has other parts

/// Empty parts, dots only and hidden names are no names, neither of folders nor of topics.
bool is_lane(std::string_view name) {
  return !name.empty() && name.size() <= max_lane && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                  c == '_' || c == '-';
         });
}

std::string with_lane(const std::string& name, std::string_view lane) {
  return lane.empty() ? name : name + "-" + std::string(lane);
}

}  // namespace

std::string lane_topic(const std::string& topic, std::string_view lane) { return with_lane(topic, lane); }
std::string lane_group(const std::string& group, std::string_view lane) { return with_lane(group, lane); }

std::string lane_prefix(std::string_view lane) {
  return lane.empty() ? std::string() : "targets/" + std::string(lane) + "/";
}

std::string lane_of(std::string_view target, const std::vector<std::string>& targets) {
  const auto found = std::find(targets.begin(), targets.end(), target);
  if (found == targets.end())
    throw InputError("target '" + std::string(target) + "' is none of model.targets (" + join(targets) +
                     "); all parts of a run need the same list");
  return found == targets.begin() ? std::string() : *found;
}

void check_targets(const std::vector<std::string>& targets, const std::vector<std::string>& kpis) {
  if (targets.empty()) throw InputError("model.targets is empty; name the KPI to predict");
  for (auto target = targets.begin(); target != targets.end(); ++target) {
    if (std::find(kpis.begin(), kpis.end(), *target) == kpis.end())
      throw InputError("model.targets: '" + *target + "' is none of model.kpis (" + join(kpis) +
                       "); name it there, too, lest it be an input of models");
    if (std::find(targets.begin(), target, *target) != target)
      throw InputError("model.targets: '" + *target + "' stands there twice");
    if (target != targets.begin() && !is_lane(*target))
      throw InputError(
          "model.targets: '" + *target +
          "' cannot name keys and topics, as a further target must: at most 64 of A-Z a-z 0-9 . _ "
          "-, no dot first; name it first, or rename the column");
  }
}

}  // namespace drst
