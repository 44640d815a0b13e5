// Reading samples and labels. A record written like one of the last two goes by their layout
// (record_layout.h). Else simdjson parses it: one loop over the features, in which the name expected at this
// place (the last record's order) is compared with memcmp and the number goes to its column; everything
// unusual leaves that loop.

#include <array>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "base/text.h"
#include "stream/json.h"
#include "stream/record.h"
#include "stream/record_layout.h"

namespace drst {

namespace {

using namespace wire;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

}  // namespace

struct RecordDecoder::State {
  static constexpr std::uint32_t nowhere = ~std::uint32_t{0};

  WireLimits limits;
  std::string lane;
  json::parser parser;
  PaddedCopy padded;
  std::string run_id;

  // By column.
  std::vector<std::string> names;
  std::vector<std::string>
      keys;  // name and closing quote as they stand in JSON; empty if the name needs escapes
  std::vector<char> lags;
  std::vector<double> values;
  std::vector<std::uint64_t> seen_in;  // number of the record that last held it
  std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> index;

  std::vector<std::uint32_t> order;  // columns in the order of the last record
  std::size_t current_columns = 0;   // columns that are not lags
  std::uint64_t version = 0;
  std::uint64_t record_number = 0;

  // Two layouts: a producer of lags has one for the first sample of an experiment and one for the others.
  static constexpr int patience = 8;  // misses in a row before the layouts are let be ...
  static constexpr int rest = 256;    // ... for so many records: on a mixed stream they would only cost
  std::array<RecordLayout, 2> layouts;
  std::array<std::size_t, 2> layout_finite{};
  std::size_t latest = 0;  // the layout used last
  int misses = 0;
  int resting = 0;
  RecordLayout draft;                // of the record at hand
  RecordLayout* learning = nullptr;  // the draft, or null: not this time
  std::string id, stage;             // a sample's views must not die with the batch it came in

  // Of the record at hand.
  std::size_t features = 0, finite = 0, non_finite = 0;

  Result<std::uint32_t> add(std::string_view name) {
    if (names.size() >= static_cast<std::size_t>(limits.max_columns))
      return failure("more than " + to_text(limits.max_columns) + " distinct columns on the topic");
    const auto column = static_cast<std::uint32_t>(names.size());
    names.emplace_back(name);
    bool plain = true;
    for (const char c : name) plain = plain && c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
    keys.push_back(plain ? names.back() + '"' : std::string());
    lags.push_back(static_cast<char>(name.ends_with(lag_suffix)));
    if (lags.back() == 0) ++current_columns;
    values.push_back(missing);
    seen_in.push_back(0);
    index.emplace(names.back(), column);
    return column;
  }

  /// Forgets the columns from `count` on: what a refused record brought.
  void cut(std::size_t count) {
    while (names.size() > count) {
      index.erase(names.back());
      if (lags.back() == 0) --current_columns;
      names.pop_back();
      keys.pop_back();
      lags.pop_back();
      values.pop_back();
      seen_in.pop_back();
    }
    for (auto& column : order)
      if (column != nowhere && column >= count) column = nowhere;
  }

  /// The column of a name that is not the expected one.
  Result<std::uint32_t> look_up(json::field& field, std::size_t place) {
    std::string_view name;
    if (const auto error = field.unescaped_key().get(name)) return not_json(error);
    if (name.size() > static_cast<std::size_t>(limits.max_name_bytes))
      return failure("a feature name of " + to_text(name.size()) + " bytes; at most " +
                     to_text(limits.max_name_bytes) + " are read");
    const auto known = index.find(name);
    auto column = known != index.end() ? Result<std::uint32_t>(known->second) : add(name);
    if (!column) return column;
    if (place >= order.size()) order.resize(place + 1, nowhere);
    order[place] = *column;
    return column;
  }

  Result<void> odd_value(json::value& value, bool lag) {
    if (!lag) ++non_finite;
    return check(value, 0);
  }

  Result<void> read_features(json::value value) {
    json::object object;
    if (value.get_object().get(object)) return failure("'features' is not an object");
    const char* const end = padded.text().data() + padded.text().size();
    std::size_t place = 0;
    for (auto member : object) {
      if (member.error()) return not_json(member.error());
      json::field& field = member.value_unsafe();
      const char* const raw = field.key().raw();
      std::uint32_t column = place < order.size() ? order[place] : nowhere;
      if (column == nowhere || keys[column].empty() ||
          static_cast<std::size_t>(end - raw) < keys[column].size() ||
          std::memcmp(raw, keys[column].data(), keys[column].size()) != 0) {
        const auto found = look_up(field, place);
        if (!found) return tl::make_unexpected(found.error());
        column = *found;
      }
      ++place;
      if (seen_in[column] == record_number)
        return failure("feature '" + shortened(names[column]) + "' stands there twice");
      seen_in[column] = record_number;
      ++features;
      const bool lag = lags[column] != 0;
      double number = 0;
      if (learning != nullptr)
        learning->add(RecordLayout::Kind::feature, trim(field.value().raw_json_token()), column);
      if (field.value().get_double().get(number) == simdjson::SUCCESS) {
        values[column] = number;
        if (!lag) ++finite;
        continue;
      }
      values[column] = missing;
      if (learning != nullptr) learning->spoil();
      if (auto odd = odd_value(field.value(), lag); !odd) return odd;
    }
    return {};
  }

  void learn(Member member, json::value& value) {
    using Kind = RecordLayout::Kind;
    if (learning == nullptr || member == features_member || member == labels_member) return;
    const std::string_view token = trim(value.raw_json_token());
    if (member == other_member || (member != label_member && !token.starts_with('"')))
      return learning->spoil();
    constexpr std::array kinds = {Kind::feature, Kind::label, Kind::label,
                                  Kind::send_ts, Kind::stage, Kind::id};
    learning->add(member == label_member && !lane.empty() ? Kind::others_label : kinds[member], token);
  }

  Result<std::optional<double>> read_labels(json::value value) {
    return label_of(
        value, lane,
        [&](std::string_view token, bool ours) {
          if (learning == nullptr) return;
          learning->add(ours ? RecordLayout::Kind::label : RecordLayout::Kind::others_label, token);
        },
        [&] {
          if (learning != nullptr) learning->spoil();
        });
  }

  /// The short cut. Nothing: the parser must look at the record.
  std::optional<Sample> read_by_layout(const RecordView& record) {
    for (const std::size_t which : {latest, 1 - latest}) {
      const RecordLayout& layout = layouts[which];
      RecordLayout::Texts texts;
      if (!layout.usable(names.size()) || !layout.match(record.value, values.data(), texts)) continue;
      if (texts.id.size() > static_cast<std::size_t>(limits.max_name_bytes)) continue;
      for (const auto column : layout.absent()) values[column] = missing;
      latest = which;
      finite = layout_finite[which];
      id = texts.id;
      stage = texts.stage;
      Sample sample;
      sample.label = texts.label;
      sample.send_ts = from_iso8601(texts.send_ts).value_or(record.timestamp);
      sample.stage = stage;
      sample.id = id;
      return sample;
    }
    return std::nullopt;
  }

  Result<Sample> read(const RecordView& record) {
    learning = nullptr;
    if (!limits.layouts) return parse(record);
    if (resting > 0) {
      --resting;
      return parse(record);
    }
    if (auto sample = read_by_layout(record)) {
      misses = 0;
      return *sample;
    }
    if (++misses > patience) {
      misses = 0;
      resting = rest;
    }
    learning = &draft;
    draft.begin();
    auto sample = parse(record);
    if (sample && draft.finish(padded.text(), names.size())) {
      latest = 1 - latest;  // in place of the one used longer ago
      std::swap(layouts[latest], draft);
      layout_finite[latest] = finite;
    }
    return sample;
  }

  Result<Sample> parse(const RecordView& record) {
    Sample sample;
    sample.send_ts = record.timestamp;
    const std::size_t known = names.size();
    json::document document;
    if (const auto error = parser.iterate(padded(record.value)).get(document)) return not_json(error);
    bool has_features = false;
    const auto done = each_member(document, [&](Member member, json::value value) -> Result<void> {
      learn(member, value);
      switch (member) {
        case features_member:
          has_features = true;
          return read_features(value);
        case label_member: {
          const auto label = optional_number(value, "label");
          if (!label) return tl::make_unexpected(label.error());
          if (lane.empty()) sample.label = *label;
          return {};
        }
        case labels_member: {
          const auto label = read_labels(value);
          if (!label) return tl::make_unexpected(label.error());
          if (!lane.empty()) sample.label = *label;
          return {};
        }
        case time_member: {
          std::string_view text;
          if (value.get_string().get(text)) return check(value, 0);
          if (const auto time = from_iso8601(text)) sample.send_ts = *time;
          return {};
        }
        case stage_member:
          if (value.get_string().get(sample.stage)) return check(value, 0);
          return {};
        case id_member: {
          const auto text = optional_text(value, "id");
          if (!text) return tl::make_unexpected(text.error());
          if (text->size() > static_cast<std::size_t>(limits.max_name_bytes))
            return failure("an id of " + to_text(text->size()) + " bytes; at most " +
                           to_text(limits.max_name_bytes) + " are read");
          sample.id = *text;
          return {};
        }
        default:
          return check(value, 0);
      }
    });
    if (!done || !has_features) {
      cut(known);
      return done ? failure("no 'features'") : tl::make_unexpected(done.error());
    }
    if (names.size() != known) ++version;
    if (features != names.size()) {
      for (std::size_t column = 0; column < names.size(); ++column)
        if (seen_in[column] != record_number) values[column] = missing;
    }
    return sample;
  }
};

RecordDecoder::RecordDecoder(const WireLimits& limits, std::string lane) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->lane = std::move(lane);
}
RecordDecoder::~RecordDecoder() = default;
RecordDecoder::RecordDecoder(RecordDecoder&&) noexcept = default;

void RecordDecoder::expect(const std::vector<std::string>& columns) {
  for (const auto& name : columns) {
    if (state_->index.contains(name)) continue;
    if (const auto added = state_->add(name); !added) throw InputError(added.error().reason);
    state_->order.push_back(static_cast<std::uint32_t>(state_->names.size() - 1));
    ++state_->version;
  }
}

Result<Sample> RecordDecoder::decode(const RecordView& record) {
  State& s = *state_;
  if (record.value.size() > static_cast<std::size_t>(s.limits.max_value_bytes))
    return failure("a value of " + to_text(record.value.size()) + " bytes; at most " +
                   to_text(s.limits.max_value_bytes) + " are read");
  ++s.record_number;
  s.features = s.finite = s.non_finite = 0;
  auto sample = s.read(record);
  if (!sample) return sample;
  sample->values = s.values;
  sample->finite = s.finite;
  sample->non_finite = s.non_finite;
  sample->absent = s.current_columns - s.finite - s.non_finite;
  if (sample->label && !usable_label(*sample->label)) {
    sample->label.reset();
    sample->bad_label = true;
  }
  if (const auto parts = split_id(sample->id)) {
    sample->run_id = parts->run_id;
    sample->row = parts->row;
  } else {
    s.run_id = record.header(run_id_header).value_or(std::string_view());
    sample->run_id = s.run_id;
  }
  return sample;
}

const std::vector<std::string>& RecordDecoder::columns() const { return state_->names; }
std::uint64_t RecordDecoder::columns_version() const { return state_->version; }

}  // namespace drst
