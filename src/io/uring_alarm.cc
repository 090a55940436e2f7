#include "io/uring_alarm.h"

namespace portico::io {

void UringAlarm::wake_by(Time deadline) {
    if (set_ && at_ <= deadline) return;
    at_ = deadline;
    const Duration since = deadline.time_since_epoch();
    time_.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(since).count();
    time_.tv_nsec = (since % std::chrono::seconds(1)).count();
    io_uring_sqe* e = backend_.entry();
    if (std::exchange(set_, true)) {
        // Where it has gone off in the meantime this finds nothing, and the completion under way says so: set anew then.
        io_uring_prep_timeout_update(e, &time_, UringBackend::data_of(this), IORING_TIMEOUT_ABS);
        io_uring_sqe_set_data64(e, 0);
        e->flags |= IOSQE_CQE_SKIP_SUCCESS;
    } else {
        io_uring_prep_timeout(e, &time_, 0, IORING_TIMEOUT_ABS);
        io_uring_sqe_set_data64(e, UringBackend::data_of(this));
    }
}

void UringAlarm::on_complete(int, uint32_t) { set_ = false; }

}  // namespace portico::io
