#include "health/ejection_proofs.h"

#include "health/check_run.h"
#include "health/health_check.h"

namespace weir {

class EjectionProofs::Proof final : public CheckRunOwner, private Deadline {
 public:
  Proof(EjectionProofs& proofs, CheckTarget target) : proofs_(proofs), target_(std::move(target)) {}
  ~Proof() { stop(); }

  bool is_needed() const { return !run_ && target_.backend->outlier().awaits_proof(); }
  void start() {
    ++proofs_.running_;
    begun_ = proofs_.loop_.now();
    run_ = make_owned<CheckRun>(proofs_.loop_, *this, make_probe(target_));
    proofs_.loop_.deadlines().set(*this, begun_ + target_.spec.timeout);
    run_->start(target_);
  }

 private:
  void on_deadline() override { stop(); }
  void on_run_end(RunResult result, std::string) override {
    if (result == RunResult::ok) target_.backend->outlier().confirm(begun_, proofs_.loop_.now());
    stop();
  }
  void stop() {
    if (!run_) return;
    run_.reset();
    Deadline::cancel();
    --proofs_.running_;
  }

  EjectionProofs& proofs_;
  const CheckTarget target_;
  Owned<CheckRun> run_;  // while one is running
  TimePoint begun_{};
};

EjectionProofs::EjectionProofs(EventLoop& loop) : loop_(loop) {}

EjectionProofs::~EjectionProofs() = default;

void EjectionProofs::apply(std::vector<CheckTarget> targets) {
  proofs_.clear();
  proofs_.reserve(targets.size());
  for (CheckTarget& target : targets)
    proofs_.push_back(std::make_unique<Proof>(*this, std::move(target)));
  next_ = 0;
  if (proofs_.empty()) return Deadline::cancel();
  // Reloads may come more often than that.
  if (!Deadline::pending()) loop_.deadlines().set(*this, loop_.now() + kEvery);
}

void EjectionProofs::on_deadline() {
  loop_.deadlines().set(*this, loop_.now() + kEvery);
  for (size_t i = 0; i < proofs_.size() && running_ < kMostRunning; ++i) {
    next_ = (next_ + 1) % proofs_.size();
    if (Proof& proof = *proofs_[next_]; proof.is_needed()) proof.start();
  }
}

}  // namespace weir
