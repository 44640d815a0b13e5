#include "stream/joined_positions.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace drst {

namespace {

using nlohmann::json;

template <class Visit>
void each_count(JoinedReader::Counts& counts, const Visit& visit) {
  visit("samples", counts.samples);
  visit("labels", counts.labels);
  visit("unusable", counts.unusable);
  visit("late", counts.late);
  visit("duplicates", counts.duplicates);
  visit("foreign_sentinels", counts.foreign_sentinels);
  visit("foreign", counts.foreign);
  visit("bad_labels", counts.bad_labels);
}

/// Numbers of another kind would be converted, one beyond the range to anything.
int64_t whole(const json& value) {
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() &&
                      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  if (!fits) throw InputError("no whole number of at most 63 bits: " + value.dump().substr(0, 40));
  return value.get<int64_t>();
}

template <class List>
List wholes(const json& list) {
  List all;
  for (const auto& value : list) all.push_back(whole(value));
  return all;
}

json to_json(const RowSet& set) {
  json list = json::array();
  for (const auto& [first, last] : set.intervals()) list.push_back({first, last});
  return list;
}

RowSet row_set(const json& list) {
  std::map<int64_t, int64_t> intervals;
  for (const auto& interval : list) intervals.emplace(whole(interval.at(0)), whole(interval.at(1)));
  RowSet set;
  set.set_intervals(std::move(intervals));
  return set;
}

}  // namespace

std::string to_text(const JoinedPositions& positions) {
  json root = {{"topic", positions.topic},
               {"run_id", positions.run_id},
               {"started", positions.started},
               {"offsets", positions.offsets},
               {"label_offsets", positions.label_offsets},
               {"columns", positions.columns},
               {"rows", to_json(positions.rows)},
               {"label_rows", to_json(positions.labels)},
               {"recent_finite", positions.recent_finite}};
  if (positions.last)
    root["last"] = {positions.last->row, positions.last->send_ts.time_since_epoch().count()};
  JoinedReader::Counts counts = positions.counts;
  each_count(counts, [&](const char* name, uint64_t& count) { root["counts"][name] = count; });
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

JoinedPositions joined_positions(const std::string& text, const std::string& topic) {
  JoinedPositions positions;
  try {
    const json root = json::parse(text);
    root.at("topic").get_to(positions.topic);
    root.at("run_id").get_to(positions.run_id);
    root.at("started").get_to(positions.started);
    positions.offsets = wholes<std::vector<int64_t>>(root.at("offsets"));
    positions.label_offsets = wholes<std::vector<int64_t>>(root.at("label_offsets"));
    root.at("columns").get_to(positions.columns);
    positions.recent_finite = wholes<std::deque<int64_t>>(root.at("recent_finite"));
    positions.rows = row_set(root.at("rows"));
    positions.labels = row_set(root.at("label_rows"));
    if (root.contains("last"))
      positions.last = StreamKey{whole(root["last"].at(0)), Time(Duration(whole(root["last"].at(1))))};
    each_count(positions.counts, [&](const char* name, uint64_t& count) {
      const auto& value = root.at("counts").at(name);
      if (!value.is_number_unsigned()) throw InputError("'" + std::string(name) + "' counts nothing");
      value.get_to(count);
    });
  } catch (const std::exception& error) {
    throw InputError("the saved positions of the reader of topic '" + topic + "' cannot be read (" +
                     error.what() + "); remove the state they came from to start over");
  }
  if (positions.topic != topic)
    throw InputError("the saved positions belong to topic '" + positions.topic + "', not '" + topic +
                     "'; remove the state they came from to start over");
  return positions;
}

}  // namespace drst
