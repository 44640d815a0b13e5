// How a consumer reads the embedded log and edits its group.
#include "stream/block_table.h"
#include "stream/embedded_core.h"
#include "stream/group_codec.h"
#include "stream/process.h"

namespace drst {

namespace {

/// Notes a write transaction for as long as it runs.
class WritingNow {
 public:
  WritingNow(MDB_txn*& slot, MDB_txn* txn) : slot_(slot) { slot_ = txn; }
  WritingNow(const WritingNow&) = delete;
  WritingNow& operator=(const WritingNow&) = delete;
  ~WritingNow() { slot_ = nullptr; }

 private:
  MDB_txn*& slot_;
};

class EmbeddedSource final : public ConsumerSource {
 public:
  EmbeddedSource(std::shared_ptr<EmbeddedLog::Core> core, const ConsumerOptions& options)
      : core_(std::move(core)),
        reader_(core_->environment),
        topic_(options.topic),
        key_(group_key(options.group, options.topic)) {}

  void edit(std::string_view, const std::function<bool(GroupState&)>& change) override {
    auto& environment = *core_->environment;
    const auto partitions = static_cast<std::size_t>(core_->partition_count(topic_));
    environment.write(0, [&](MDB_txn* txn) {
      const WritingNow now(writing_, txn);
      MDB_val key = as_value(key_);
      MDB_val value{};
      const int code = mdb_get(txn, environment.tables().groups, &key, &value);
      GroupState state;
      if (code != MDB_NOTFOUND) {
        environment.check(code, "read");
        state = decode(as_text(value));
      }
      if (state.partitions.size() < partitions) state.partitions.resize(partitions);
      const bool changed = change(state);
      if (!changed) return false;
      encode_group(state, encoded_);
      value = as_value(encoded_);
      environment.check(mdb_put(txn, environment.tables().groups, &key, &value, 0), "write to");
      return true;
    });
  }

  View begin() override {
    reader_.renew();
    try {
      View view;
      if (partitions_ == 0) partitions_ = core_->partition_count(topic_, reader_);
      view.partitions = static_cast<std::size_t>(partitions_);
      if (const auto bytes = reader_.get(core_->environment->tables().groups, key_)) {
        const auto epoch = peek_epoch(*bytes);
        if (!epoch) damaged();
        view.epoch = *epoch;
      }
      return view;
    } catch (...) {
      reader_.reset();
      throw;
    }
  }
  void end() noexcept override { reader_.reset(); }

  int64_t fetch(int partition, int64_t from, Batch::Storage& batch, const PollLimits& limits,
                bool one_at_least) override {
    return BlockTable(*core_->environment, reader_.blocks(), key_of(partition))
        .fetch(from, batch, limits, one_at_least);
  }

  Watermarks watermarks(int partition) override {
    if (writing_ == nullptr)
      return BlockTable(*core_->environment, reader_.blocks(), key_of(partition)).watermarks();
    const WriteCursor cursor(*core_->environment, writing_);
    return BlockTable(*core_->environment, cursor.get(), key_of(partition)).watermarks();
  }

  [[nodiscard]] HolderId self() const override { return this_process(); }
  [[nodiscard]] bool alive(const HolderId& holder) const override { return process_alive(holder); }

 private:
  [[noreturn]] void damaged() const {
    core_->environment->damaged("the state of group '" + key_.substr(0, key_.find('\0')) + "' on topic '" +
                                topic_ + "' does not match its checksum");
  }
  [[nodiscard]] GroupState decode(std::string_view bytes) const {
    auto state = decode_group(bytes);
    if (!state) damaged();
    return std::move(*state);
  }
  BlockKey& key_of(int partition) {
    while (static_cast<int>(block_keys_.size()) <= partition)
      block_keys_.emplace_back(topic_, static_cast<int>(block_keys_.size()));
    return block_keys_[static_cast<std::size_t>(partition)];
  }

  std::shared_ptr<EmbeddedLog::Core> core_;
  LogEnvironment::ReadTransaction reader_;
  std::string topic_;
  std::string key_;
  int partitions_ = 0;
  std::vector<BlockKey> block_keys_;  // kept, so that reading makes no strings
  std::string encoded_;
  MDB_txn* writing_ = nullptr;  // inside edit()
};

}  // namespace

std::string group_key(std::string_view group, std::string_view topic) {
  std::string key(group);
  key += '\0';
  key += topic;
  return key;
}

std::unique_ptr<ConsumerSource> make_embedded_source(std::shared_ptr<EmbeddedLog::Core> core,
                                                     const ConsumerOptions& options) {
  return std::make_unique<EmbeddedSource>(std::move(core), options);
}

}  // namespace drst
