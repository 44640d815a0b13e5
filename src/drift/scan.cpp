#include "drift/scan.h"

#include <algorithm>

namespace drst {

std::vector<Alarm> scan(const Table& table, const std::vector<std::string>& kpis,
                        const DriftSettings& settings, uint64_t seed, std::vector<SignalPoint>* points) {
  std::vector<std::string> names;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.columns(); ++c) {
    if (std::find(kpis.begin(), kpis.end(), table.names()[c]) != kpis.end()) continue;
    names.push_back(table.names()[c]);
    columns.push_back(c);
  }
  DriftDetector detector(settings, seed);
  std::vector<Alarm> alarms;
  std::vector<double> values(columns.size());
  for (std::size_t r = 0; r < table.rows(); ++r) {
    for (std::size_t i = 0; i < columns.size(); ++i) values[i] = table.at(r, columns[i]);
    if (auto alarm = detector.push(static_cast<int64_t>(r), names, values)) {
      alarms.push_back(std::move(*alarm));
      detector.acknowledge();
    }
    if (points != nullptr && detector.evaluated()) points->push_back(*detector.evaluated());
  }
  return alarms;
}

}  // namespace drst
