#include "core/import/tensor_data.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16 << 10;  // elements converted at a time

class OwnedSource : public ByteSource {
 public:
  explicit OwnedSource(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  Status Read(uint64_t offset, size_t len, void* out) override {
    return MemorySource(bytes_).Read(offset, len, out);
  }

 private:
  std::string bytes_;
};

template <typename T>
bool Narrow(int64_t v, char* out) {
  if (v < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
      v > static_cast<int64_t>(std::numeric_limits<T>::max())) {
    return false;
  }
  const T t = static_cast<T>(v);
  std::memcpy(out, &t, sizeof(T));
  return true;
}

// One varint as an element of dtype; false where it does not fit.
bool StoreVarint(int dtype, uint64_t v, char* out) {
  const int32_t narrow = static_cast<int32_t>(v);  // int32 fields: as protobuf truncates them
  switch (dtype) {
    case MOSAIC_INT8:
      return Narrow<int8_t>(narrow, out);
    case MOSAIC_UINT8:
    case MOSAIC_FLOAT8E4M3FN:
    case MOSAIC_FLOAT8E4M3FNUZ:
    case MOSAIC_FLOAT8E5M2:
    case MOSAIC_FLOAT8E5M2FNUZ:
    case MOSAIC_FLOAT8E8M0:
      return Narrow<uint8_t>(narrow, out);
    case MOSAIC_BOOL:
      *out = narrow != 0;
      return true;
    case MOSAIC_INT16:
      return Narrow<int16_t>(narrow, out);
    case MOSAIC_UINT16:
    case MOSAIC_FLOAT16:
    case MOSAIC_BFLOAT16:
      return Narrow<uint16_t>(narrow, out);
    case MOSAIC_INT32:
      std::memcpy(out, &narrow, 4);
      return true;
    case MOSAIC_UINT32:
      if (v > UINT32_MAX) return false;
      std::memcpy(out, &v, 4);
      return true;
    default:
      std::memcpy(out, &v, 8);
      return true;
  }
}

template <typename T>
T Load(const char* p) {
  T t;
  std::memcpy(&t, p, sizeof(T));
  return t;
}

void ConvertToFloat(int dtype, const char* in, int64_t count, float* out) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      std::memcpy(out, in, static_cast<size_t>(count) * sizeof(float));
      break;
    case MOSAIC_FLOAT16:
      for (int64_t i = 0; i < count; ++i) out[i] = Float16ToFloat(Load<uint16_t>(in + 2 * i));
      break;
    case MOSAIC_BFLOAT16:
      for (int64_t i = 0; i < count; ++i) out[i] = BFloat16ToFloat(Load<uint16_t>(in + 2 * i));
      break;
    default:
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(Load<double>(in + 8 * i));
  }
}

// Beyond the largest bfloat16, 3.39e38, there are floats that would become infinite.
uint16_t RoundWeight(float v) {
  const uint16_t h = FloatToBFloat16(v);
  return (h & 0x7fff) == 0x7f80 && std::isfinite(v) ? static_cast<uint16_t>(h - 1) : h;
}

}  // namespace

TensorData DataInMemory(int dtype, std::string bytes) {
  TensorData d;
  d.dtype = dtype;
  Segment s;
  s.count = static_cast<int64_t>(bytes.size()) / DTypeSize(dtype);
  d.segments.push_back(s);
  d.source = std::make_shared<OwnedSource>(std::move(bytes));
  return d;
}

namespace {

class UnpackedSource : public ByteSource {
 public:
  UnpackedSource(int dtype, int64_t elements, TensorData bytes)
      : bits_(DTypeBits(dtype)),
        sign_(dtype == MOSAIC_INT4 || dtype == MOSAIC_INT2 ? 1U << (bits_ - 1) : 0),
        elements_(elements),
        bytes_(std::move(bytes)),
        reader_(bytes_, MOSAIC_UINT8) {}
  uint64_t size() const override { return static_cast<uint64_t>(elements_); }
  Status Read(uint64_t offset, size_t len, void* out) override {
    const uint64_t each = static_cast<uint64_t>(8 / bits_);
    char* to = static_cast<char*>(out);
    uint8_t packed[4096];
    for (const uint64_t end = offset + len; offset < end;) {
      const uint64_t first = offset / each;
      const uint64_t n = std::min<uint64_t>((end + each - 1) / each - first, sizeof(packed));
      MOSAIC_RETURN_IF_ERROR(
          reader_.Read(static_cast<int64_t>(first), static_cast<int64_t>(n), packed));
      for (const uint64_t stop = std::min(end, (first + n) * each); offset < stop; ++offset) {
        const unsigned part =
            packed[offset / each - first] >> (offset % each * static_cast<unsigned>(bits_)) &
            ((1U << bits_) - 1);
        *to++ = static_cast<char>(static_cast<int>(part ^ sign_) - static_cast<int>(sign_));
      }
    }
    return {};
  }

 private:
  int bits_;
  unsigned sign_;  // the bit that is one; 0: there is none
  int64_t elements_;
  TensorData bytes_;
  ElementReader reader_;
};

}  // namespace

TensorData UnpackedData(int dtype, int64_t elements, TensorData bytes) {
  TensorData d;
  d.dtype = dtype;
  Segment s;
  s.count = elements;
  d.segments.push_back(s);
  d.source = std::make_shared<UnpackedSource>(dtype, elements, std::move(bytes));
  return d;
}

ElementReader::ElementReader(const TensorData& data, int out_dtype)
    : data_(data), out_dtype_(out_dtype), buffered_(data.source.get()) {}

Status ElementReader::Read(int64_t first, int64_t count, void* out) {
  char* to = static_cast<char*>(out);
  if (out_dtype_ == data_.dtype) return ReadNative(first, count, to);
  chunk_.resize(static_cast<size_t>(std::min(count, kChunk) * DTypeSize(data_.dtype)));
  for (int64_t done = 0; done < count; done += kChunk) {
    const int64_t n = std::min(kChunk, count - done);
    MOSAIC_RETURN_IF_ERROR(ReadNative(first + done, n, chunk_.data()));
    if (out_dtype_ == MOSAIC_FLOAT) {
      ConvertToFloat(data_.dtype, chunk_.data(), n, static_cast<float*>(out) + done);
      continue;
    }
    floats_.resize(static_cast<size_t>(n));
    ConvertToFloat(data_.dtype, chunk_.data(), n, floats_.data());
    uint16_t* rounded = static_cast<uint16_t*>(out) + done;
    for (int64_t i = 0; i < n; ++i) rounded[i] = RoundWeight(floats_[static_cast<size_t>(i)]);
  }
  return {};
}

Status ElementReader::ReadNative(int64_t first, int64_t count, char* out) {
  const int64_t size = DTypeSize(data_.dtype), end = first + count;
  auto s = std::upper_bound(data_.segments.begin(), data_.segments.end(), first,
                            [](int64_t at, const Segment& x) { return at < x.first; });
  if (s != data_.segments.begin()) --s;
  for (int64_t at = first; at < end; ++s) {
    const int64_t n = std::min(end, s->first + s->count) - at;
    if (n <= 0) continue;
    char* to = out + (at - first) * size;
    MOSAIC_RETURN_IF_ERROR(data_.varint ? ReadVarints(*s, at, n, to) : ReadFixed(*s, at, n, to));
    at += n;
  }
  if (data_.dtype == MOSAIC_BOOL) {
    for (int64_t i = 0; i < count; ++i) out[i] = out[i] != 0;
  }
  return {};
}

Status ElementReader::ReadFixed(const Segment& s, int64_t first, int64_t count, char* out) {
  const size_t size = static_cast<size_t>(DTypeSize(data_.dtype)), stride = size + s.header;
  uint64_t from = s.offset + static_cast<uint64_t>(first - s.first) * stride;
  if (s.header == 0) return data_.source->Read(from, static_cast<size_t>(count) * size, out);
  while (count > 0) {
    const size_t n = static_cast<size_t>(std::min(count, kChunk));
    spaced_.resize(n * stride);
    MOSAIC_RETURN_IF_ERROR(data_.source->Read(from, n * stride, spaced_.data()));
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(out + i * size, &spaced_[i * stride + s.header], size);
    }
    out += n * size;
    from += n * stride;
    count -= static_cast<int64_t>(n);
  }
  return {};
}

Status ElementReader::ReadVarints(const Segment& s, int64_t first, int64_t count, char* out) {
  const bool resume = next_element_ > s.first && next_element_ <= first;
  int64_t element = resume ? next_element_ : s.first;
  WireReader r(&buffered_, {resume ? next_offset_ : s.offset, data_.source->size()});
  const int64_t size = DTypeSize(data_.dtype);
  for (; element < first + count; ++element) {
    if (s.header > 0) r.RawVarint();
    const uint64_t v = r.RawVarint();
    MOSAIC_RETURN_IF_ERROR(r.status());
    if (element < first) continue;
    if (!StoreVarint(data_.dtype, v, out + (element - first) * size)) {
      return Status::BadModel("element " + std::to_string(element) + ", " +
                              std::to_string(static_cast<int64_t>(v)) + ", is not a " +
                              DTypeName(data_.dtype));
    }
  }
  next_element_ = element;
  next_offset_ = r.position();
  return {};
}

}  // namespace mosaic
