// JSON as records carry it, on top of simdjson's on-demand parser. Internal to this room: only its .cpp files
// include it.
//
// On-demand skips what nobody asks for without looking at it. `check` looks, so that a record is JSON to its
// last byte or is refused with a reason; depth is bounded, and nothing here throws. Python's bare NaN and
// Infinity count as odd scalars, not as errors.
#pragma once

#include <simdjson.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace drst::wire {

namespace json = simdjson::ondemand;

/// What goes into a dead-letter header must stay short, whatever the record holds.
std::string shortened(std::string_view text);
tl::unexpected<Failure> not_json(simdjson::error_code code);
tl::unexpected<Failure> not_json(const std::string& what);

/// simdjson reads some bytes beyond the end, which a view into a log's page does not have.
class PaddedCopy {
 public:
  simdjson::padded_string_view operator()(std::string_view text) {
    if (bytes_.size() < text.size() + simdjson::SIMDJSON_PADDING) bytes_.resize(text.size() * 2 + 4096);
    std::memcpy(bytes_.data(), text.data(), text.size());
    std::memset(bytes_.data() + text.size(), 0, simdjson::SIMDJSON_PADDING);
    size_ = text.size();
    return simdjson::padded_string_view(bytes_.data(), text.size(), bytes_.size());
  }
  [[nodiscard]] std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

/// Checks a value of no interest down to its last byte.
Result<void> check(json::value value, int depth = 0);
/// A number, or none where there is null, NaN or an infinity; anything else is an error of that member.
Result<std::optional<double>> optional_number(json::value& value, std::string_view name);
/// A text, or an empty one where there is null; anything else is an error of that member.
Result<std::string_view> optional_text(json::value& value, std::string_view name);

/// The members we know, in the order in which they are looked for; a bit each to see repeats.
enum Member : unsigned {
  features_member,
  label_member,
  labels_member,
  time_member,
  stage_member,
  id_member,
  other_member
};
inline Member member_of(std::string_view name) {
  if (name == "features") return features_member;
  if (name == "label") return label_member;
  if (name == "labels") return labels_member;
  if (name == "send_ts") return time_member;
  if (name == "stage") return stage_member;
  if (name == "id") return id_member;
  return other_member;
}

/// Goes over the members of the document's object, each at most once, to the last byte.
template <class OnMember>
Result<void> each_member(json::document& document, const OnMember& on_member) {
  json::object root;
  if (const auto error = document.get_object().get(root)) return not_json(error);
  unsigned seen = 0;
  for (auto member : root) {
    json::field field;
    if (const auto error = std::move(member).get(field)) return not_json(error);
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return not_json(error);
    const Member which = member_of(name);
    if (which != other_member && (seen & (1u << which)) != 0)
      return failure("member '" + std::string(name) + "' stands there twice");
    seen |= 1u << which;
    if (auto done = on_member(which, field.value()); !done) return done;
  }
  const char* rest = nullptr;
  if (document.current_location().get(rest) == simdjson::SUCCESS)
    return not_json("more text after the closing brace");
  return {};
}

/// The label of `lane` out of the member "labels"; none where it is null or not there. Other lanes' values,
/// and for the first lane ("") the whole member, are only checked to be JSON: they may be anything. Each
/// number or null is shown to `on_label(token, is_ours)`, all else to `on_odd()`.
template <class OnLabel, class OnOdd>
Result<std::optional<double>> label_of(json::value value, std::string_view lane, const OnLabel& on_label,
                                       const OnOdd& on_odd) {
  std::optional<double> label;
  json::object object;
  if (value.get_object().get(object)) {
    on_odd();
    if (!lane.empty() && trim(value.raw_json_token()) != "null") return failure("'labels' is not an object");
    if (auto fine = check(value); !fine) return tl::make_unexpected(fine.error());
    return label;
  }
  bool seen = false;
  for (auto member : object) {
    json::field field;
    if (const auto error = std::move(member).get(field)) return not_json(error);
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return not_json(error);
    json::value& one = field.value();
    const bool ours = !lane.empty() && name == lane;
    if (ours && std::exchange(seen, true))
      return failure("label '" + shortened(name) + "' stands there twice");
    const std::string_view token = trim(one.raw_json_token());
    double number = 0;
    if (token == "null") {
      on_label(token, ours);
    } else if (one.get_double().get(number) == simdjson::SUCCESS) {
      on_label(token, ours);
      if (ours) label = number;
    } else {
      on_odd();
      if (ours) {
        auto odd = optional_number(one, "label '" + std::string(lane) + "'");
        if (!odd) return tl::make_unexpected(odd.error());
      } else if (auto fine = check(one); !fine) {
        return tl::make_unexpected(fine.error());
      }
    }
  }
  return label;
}

}  // namespace drst::wire
