/**
 * @file What tfjs-node's addon uses of libtensorflow: names, signatures and numbers, written down here from their behaviour, which
 * test/engine/tensorflow-header.test.ts compares with an installed library. For 64-bit little-endian machines.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

static_assert(sizeof(void*) == 8, "libtensorflow's strings are laid out here as on 64-bit machines");

// The library's own objects, of which only addresses go back and forth.
struct TF_Buffer;
struct TF_DeviceList;
struct TF_Graph;
struct TF_Operation;
struct TF_Session;
struct TF_SessionOptions;
struct TF_Status;
struct TF_Tensor;
struct TFE_Context;
struct TFE_ContextOptions;
struct TFE_Op;
struct TFE_TensorHandle;

/** How a call ended; every other number is an error. */
enum TF_Code : int { TF_OK = 0 };

/** What a tensor's elements are. */
enum TF_DataType : int {
  TF_FLOAT = 1,
  TF_INT32 = 3,
  TF_UINT8 = 4,
  TF_STRING = 7,
  TF_COMPLEX64 = 8,
  TF_INT64 = 9,
  TF_BOOL = 10,
  TF_RESOURCE = 20,
};

/** What an operation's attribute holds. */
enum TF_AttrType : int {
  TF_ATTR_STRING = 0,
  TF_ATTR_INT = 1,
  TF_ATTR_FLOAT = 2,
  TF_ATTR_BOOL = 3,
  TF_ATTR_TYPE = 4,
  TF_ATTR_SHAPE = 5,
};

/** One of the outputs of an operation in a graph. */
struct TF_Output {
  TF_Operation* operation;
  int index;
};

extern "C" {

const char* TF_Version();
size_t TF_DataTypeSize(TF_DataType type);

TF_Status* TF_NewStatus();
void TF_DeleteStatus(TF_Status* status);
TF_Code TF_GetCode(const TF_Status* status);
const char* TF_Message(const TF_Status* status);

// Tensors in host memory. `deallocate` is given `data`, `bytes` and `context` when the tensor's last owner is gone.
TF_Tensor* TF_NewTensor(TF_DataType type, const int64_t* shape, int rank, void* data, size_t bytes,
                        void (*deallocate)(void* data, size_t bytes, void* context), void* context);
TF_Tensor* TF_AllocateTensor(TF_DataType type, const int64_t* shape, int rank, size_t bytes);
void TF_DeleteTensor(TF_Tensor* tensor);
TF_DataType TF_TensorType(const TF_Tensor* tensor);
int TF_NumDims(const TF_Tensor* tensor);
int64_t TF_Dim(const TF_Tensor* tensor, int axis);
int64_t TF_TensorElementCount(const TF_Tensor* tensor);
size_t TF_TensorByteSize(const TF_Tensor* tensor);
void* TF_TensorData(const TF_Tensor* tensor);

// Tensors where operations compute, which are executed one by one.
TFE_TensorHandle* TFE_NewTensorHandle(const TF_Tensor* tensor, TF_Status* status);
void TFE_DeleteTensorHandle(TFE_TensorHandle* handle);
TF_DataType TFE_TensorHandleDataType(TFE_TensorHandle* handle);
int TFE_TensorHandleNumDims(TFE_TensorHandle* handle, TF_Status* status);
int64_t TFE_TensorHandleDim(TFE_TensorHandle* handle, int axis, TF_Status* status);
TF_Tensor* TFE_TensorHandleResolve(TFE_TensorHandle* handle, TF_Status* status);
TFE_TensorHandle* TFE_TensorHandleCopyToDevice(TFE_TensorHandle* handle, TFE_Context* context, const char* device,
                                               TF_Status* status);

TFE_ContextOptions* TFE_NewContextOptions();
void TFE_DeleteContextOptions(TFE_ContextOptions* options);
void TFE_ContextOptionsSetConfig(TFE_ContextOptions* options, const void* config, size_t bytes, TF_Status* status);
TFE_Context* TFE_NewContext(const TFE_ContextOptions* options, TF_Status* status);
void TFE_DeleteContext(TFE_Context* context);

TF_DeviceList* TFE_ContextListDevices(TFE_Context* context, TF_Status* status);
void TF_DeleteDeviceList(TF_DeviceList* devices);
int TF_DeviceListCount(const TF_DeviceList* devices);
const char* TF_DeviceListName(const TF_DeviceList* devices, int index, TF_Status* status);
const char* TF_DeviceListType(const TF_DeviceList* devices, int index, TF_Status* status);

TFE_Op* TFE_NewOp(TFE_Context* context, const char* name, TF_Status* status);
void TFE_DeleteOp(TFE_Op* op);
void TFE_OpAddInput(TFE_Op* op, TFE_TensorHandle* input, TF_Status* status);
void TFE_OpSetAttrString(TFE_Op* op, const char* attribute, const void* value, size_t bytes);
void TFE_OpSetAttrInt(TFE_Op* op, const char* attribute, int64_t value);
void TFE_OpSetAttrIntList(TFE_Op* op, const char* attribute, const int64_t* values, int count);
void TFE_OpSetAttrFloat(TFE_Op* op, const char* attribute, float value);
void TFE_OpSetAttrFloatList(TFE_Op* op, const char* attribute, const float* values, int count);
void TFE_OpSetAttrBool(TFE_Op* op, const char* attribute, unsigned char value);
void TFE_OpSetAttrBoolList(TFE_Op* op, const char* attribute, const unsigned char* values, int count);
void TFE_OpSetAttrType(TFE_Op* op, const char* attribute, TF_DataType value);
void TFE_OpSetAttrShape(TFE_Op* op, const char* attribute, const int64_t* shape, int rank, TF_Status* status);
// `count` says how many outputs there is room for, and then how many there are.
void TFE_Execute(TFE_Op* op, TFE_TensorHandle** outputs, int* count, TF_Status* status);

// Saved models: a graph, and a session that runs it.
TF_Buffer* TF_NewBuffer();
TF_Buffer* TF_NewBufferFromString(const void* bytes, size_t count);
void TF_DeleteBuffer(TF_Buffer* buffer);
TF_Graph* TF_NewGraph();
void TF_DeleteGraph(TF_Graph* graph);
TF_Operation* TF_GraphOperationByName(TF_Graph* graph, const char* name);
TF_SessionOptions* TF_NewSessionOptions();
void TF_DeleteSessionOptions(TF_SessionOptions* options);
TF_Session* TF_LoadSessionFromSavedModel(const TF_SessionOptions* options, const TF_Buffer* run_options,
                                         const char* folder, const char* const* tags, int tag_count, TF_Graph* graph,
                                         TF_Buffer* description, TF_Status* status);
void TF_DeleteSession(TF_Session* session, TF_Status* status);
void TF_SessionRun(TF_Session* session, const TF_Buffer* run_options, const TF_Output* inputs,
                   TF_Tensor* const* input_values, int input_count, const TF_Output* outputs, TF_Tensor** output_values,
                   int output_count, const TF_Operation* const* targets, int target_count, TF_Buffer* description,
                   TF_Status* status);

}  // extern "C"

/**
 * One string of a string tensor: 24 bytes. The two lowest bits of the first say where its text is; above them is its length, in one
 * byte where the text is inside, in four where it lies at a distance, else in eight. libtensorflow calls no function for these, so
 * neither do those who share tensors with it: texts that are owned come from malloc, and either side frees them.
 */
struct TF_TString {
  uint64_t words[3];
};

/** Words of a string by kind. Inside: length and text. Owned: length, capacity, address. Distant: length with distance in bytes. Viewed: length, address. */
enum TF_TStringKind : uint64_t { TF_TSTRING_INSIDE = 0, TF_TSTRING_OWNED = 1, TF_TSTRING_DISTANT = 2, TF_TSTRING_VIEWED = 3 };

/** Beside the text inside there are its length and a zero at its end. */
constexpr size_t TF_TSTRING_MOST_INSIDE = sizeof(TF_TString) - 2;

inline TF_TStringKind TF_TString_Kind(const TF_TString* string) {
  return static_cast<TF_TStringKind>(string->words[0] & 3);
}

inline size_t TF_TString_GetSize(const TF_TString* string) {
  const uint64_t first = string->words[0];
  switch (TF_TString_Kind(string)) {
    case TF_TSTRING_INSIDE:
      return (first & 0xff) >> 2;
    case TF_TSTRING_DISTANT:
      return (first & 0xffffffff) >> 2;
    default:
      return first >> 2;
  }
}

inline const char* TF_TString_GetDataPointer(const TF_TString* string) {
  const char* const self = reinterpret_cast<const char*>(string);
  switch (TF_TString_Kind(string)) {
    case TF_TSTRING_INSIDE:
      return self + 1;
    case TF_TSTRING_OWNED:
      return reinterpret_cast<const char*>(string->words[2]);
    case TF_TSTRING_DISTANT:
      return self + (string->words[0] >> 32);
    default:
      return reinterpret_cast<const char*>(string->words[1]);
  }
}

/** An empty string, in memory that holds anything. */
inline void TF_TString_Init(TF_TString* string) { *string = TF_TString{}; }

/** Frees what a string owns. */
inline void TF_TString_Dealloc(TF_TString* string) {
  if (TF_TString_Kind(string) == TF_TSTRING_OWNED) std::free(reinterpret_cast<void*>(string->words[2]));
  TF_TString_Init(string);
}

/** Makes a string a copy of `text`, which is no part of it. */
inline void TF_TString_Copy(TF_TString* string, const char* text, size_t size) {
  TF_TString_Dealloc(string);
  char* copy;
  if (size <= TF_TSTRING_MOST_INSIDE) {
    string->words[0] = size << 2 | TF_TSTRING_INSIDE;
    copy = reinterpret_cast<char*>(string) + 1;
  } else {
    copy = static_cast<char*>(std::malloc(size + 1));
    *string = {size << 2 | TF_TSTRING_OWNED, size, reinterpret_cast<uint64_t>(copy)};
  }
  if (size > 0) std::memcpy(copy, text, size);
  copy[size] = '\0';
}

/**
 * A context whose threads sleep while they wait for work: spinning ones keep the processor from other programs, and beside those from
 * each other. The bytes are a ConfigProto with `experimental` (16) `{ disable_thread_spinning (9): true }`.
 */
inline TFE_Context* newSleepingContext(TFE_ContextOptions* options, TF_Status* status) {
  static const unsigned char config[] = {0x82, 0x01, 0x02, 0x48, 0x01};
  TFE_ContextOptionsSetConfig(options, config, sizeof config, status);
  return TFE_NewContext(options, status);
}
// The package's sources make their context by this name.
#define TFE_NewContext newSleepingContext
