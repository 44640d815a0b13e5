#include "base/text.h"
#include "stream/json.h"
#include "stream/record.h"

namespace drst {

using namespace wire;

Result<LabelMessage> decode_label(std::string_view text, const WireLimits& limits, std::string_view lane) {
  thread_local json::parser parser;
  thread_local PaddedCopy padded;
  if (text.size() > static_cast<std::size_t>(limits.max_label_bytes))
    return failure("a label record of " + to_text(text.size()) + " bytes; at most " +
                   to_text(limits.max_label_bytes) + " are read");
  json::document document;
  if (const auto error = parser.iterate(padded(text)).get(document)) return not_json(error);
  LabelMessage message;
  bool any = false;
  const auto done = each_member(document, [&](Member member, json::value value) -> Result<void> {
    switch (member) {
      case label_member: {
        const auto number = optional_number(value, "label");
        if (!number) return tl::make_unexpected(number.error());
        any = any || *number;
        if (lane.empty()) message.label = *number;
        return {};
      }
      case labels_member: {
        const auto number = label_of(
            value, lane, [&](std::string_view token, bool) { any = any || token != "null"; }, [] {});
        if (!number) return tl::make_unexpected(number.error());
        if (!lane.empty()) message.label = *number;
        return {};
      }
      case time_member: {
        std::string_view time_text;
        if (value.get_string().get(time_text)) return check(value, 0);
        if (const auto time = from_iso8601(time_text)) message.send_ts = *time;
        return {};
      }
      case id_member: {
        const auto id = optional_text(value, "id");
        if (!id) return tl::make_unexpected(id.error());
        message.id = *id;
        return {};
      }
      default:
        return check(value, 0);
    }
  });
  if (!done) return tl::make_unexpected(done.error());
  if (message.id.empty()) return failure("no 'id'");
  if (message.id.size() > static_cast<std::size_t>(limits.max_name_bytes))
    return failure("an id that is too long");
  if (!any) return failure("no 'label'");
  if (message.label && !usable_label(*message.label))
    return failure("the label " + to_text(*message.label) + " is beyond single precision");
  return message;
}

}  // namespace drst
