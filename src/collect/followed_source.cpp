#include "collect/followed_source.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "collect/asking.h"

namespace drst {

bool RowChoice::gives(const LineRow& newest, const Tick& tick) {
  if (newest.number == 0) return false;
  const double age_s = static_cast<double>(tick.now_ns - newest.came_ns) * 1e-9;
  if (age_s > stale_ * tick.interval_s) return false;
  times_ = newest.number == number_ ? times_ + 1 : 1;
  number_ = newest.number;
  return times_ <= 2;
}

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class FollowedSource final : public Source {
 public:
  FollowedSource(const SourceSpec& spec, const CollectSettings& settings)
      : name_(spec.type + " " + (spec.vnf.empty() ? what(spec) : spec.vnf)),
        parser_(make_line_parser(spec, settings)),
        choice_(settings.stale),
        pulse_(std::clamp(settings.interval_s / 20, 0.005, 0.05)) {
    FollowOptions options;
    options.head_lines = parser_->head_lines();
    options.with_errors = spec.type == "perf_stat";  // perf stat prints its counts there
    options.max_line_bytes = static_cast<std::size_t>(settings.max_line_bytes);
    options.most_bytes = std::max(options.most_bytes, 2 * options.max_line_bytes);
    options.restart_wait_s = settings.restart_wait_s;
    follower_ = spec.command.empty() ? follow_file(spec.file, options, spec.where)
                                     : follow_command(spec.command, options);
    columns_ = parser_->columns();
    thread_ = std::thread([this] { run(); });
  }
  ~FollowedSource() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  FollowedSource(const FollowedSource&) = delete;
  FollowedSource& operator=(const FollowedSource&) = delete;

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }

  [[nodiscard]] bool knows_columns() const override {
    const std::lock_guard lock(mutex_);
    learn_columns();
    return parser_->knows_columns();
  }

  /// Columns grow here and while they are waited for, so that they stay as they are within a tick.
  void ask(const Tick&) override {
    const std::lock_guard lock(mutex_);
    learn_columns();
  }

  void take(const Tick& tick, std::span<double> values, std::span<double> shares) override {
    const std::lock_guard lock(mutex_);
    const LineRow& row = parser_->newest();
    age_s_ = row.number == 0 ? nan : static_cast<double>(tick.now_ns - row.came_ns) * 1e-9;
    given_ = choice_.gives(row, tick);
    if (!given_) return;
    const double scale = std::isnan(row.interval_s) ? 1 : tick.interval_s / row.interval_s;
    const std::size_t count = std::min(values.size(), row.values.size());
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = row.values[i] * scale;
      shares[i] = row.shares[i];
    }
  }

  [[nodiscard]] SourceState state() const override {
    const std::lock_guard lock(mutex_);
    std::string waits;
    if (!given_ && followed_ && parser_->newest().number == 0) {
      waits = "no line of values yet";
    } else if (!given_ && followed_ && !std::isnan(age_s_)) {
      waits = "no new line for " + to_fixed(std::max(0.0, age_s_), 1) + " s";
    }
    return {given_, join_words({follower_words_, waits, parser_->words()})};
  }

  [[nodiscard]] double age_s() const override { return age_s_; }

 private:
  /// Hands lines to the parser under the lock; reading itself, which may hang, holds none.
  class Locked final : public LineSink {
   public:
    explicit Locked(FollowedSource& source) : source_(source) {}
    void head(std::string_view text) override {
      const std::lock_guard lock(source_.mutex_);
      source_.parser_->head(text);
    }
    void line(std::string_view text) override {
      const std::lock_guard lock(source_.mutex_);
      source_.parser_->line(text);
    }
    void begins(Begin how) override {
      const std::lock_guard lock(source_.mutex_);
      source_.parser_->begins(how);
    }

   private:
    FollowedSource& source_;
  };

  static std::string what(const SourceSpec& spec) {
    if (!spec.name.empty()) return spec.name;
    return spec.command.empty() ? spec.file : spec.command.front();
  }

  void learn_columns() const {
    const auto& known = parser_->columns();
    columns_.insert(columns_.end(), known.begin() + static_cast<std::ptrdiff_t>(columns_.size()),
                    known.end());
  }

  void run() {
    Locked sink(*this);
    std::unique_lock lock(mutex_);
    while (!ending_) {
      const std::int64_t now = monotonic_ns();
      parser_->set_time(now);
      lock.unlock();
      std::string failed;
      try {
        follower_->read(now, sink);
      } catch (const std::exception& error) {  // no memory, at worst; the collection goes on
        failed = error.what();
      }
      lock.lock();
      parser_->settle();
      followed_ = follower_->present();
      follower_words_ = join_words({follower_->words(), failed});
      wake_.wait_for(lock, pulse_, [this] { return ending_; });
    }
    lock.unlock();
    follower_.reset();  // here, where a command was started: the kernel ends it with this thread
  }

  std::string name_;
  mutable std::mutex mutex_;  ///< guards what follows, up to `wake_`
  std::unique_ptr<LineParser> parser_;
  RowChoice choice_;
  mutable std::vector<std::string> columns_;  ///< of the collector's thread
  double age_s_ = nan;
  bool given_ = false, followed_ = false, ending_ = false;
  std::string follower_words_;
  std::condition_variable wake_;
  std::chrono::duration<double> pulse_;
  std::unique_ptr<Follower> follower_;  ///< of the thread
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Source> make_followed_source(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<FollowedSource>(spec, settings);
}

}  // namespace drst
