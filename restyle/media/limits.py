"""What restyle accepts of a video file, and how long and how large its reading may get: every bound in one place."""

MAX_FILE_BYTES = 1 << 40
MAX_PIXELS = 8192 * 8192  # of one frame: 200 MB as RGB, twice the area of 8K
MAX_FRAMES = 10_000_000  # 46 hours at 60 frames a second; their time stamps take 100 MB
MAX_DURATION_S = 48 * 3600.0
MAX_STREAMS = 64

STALL_S = 60.0  # a decoder process that shows no progress for so long is killed
CHILD_MEMORY_BYTES = 8 << 30  # address space of a decoder process, writable memory of ffmpeg where it reads a source
CHILD_CPU_S = 7 * 24 * 3600  # processor time of a decoder process: MAX_DURATION_S at 4 threads, slower than it plays
CHILD_FILES = 64  # open at once in a decoder process, which needs eight
MAX_MESSAGE_BYTES = 256 << 20  # of what a decoder process says in one message, frames included
STDERR_TAIL_BYTES = 2000

DECODER_THREADS = 4

# Containers whose demuxers read one file and only that file. Playlists, concat scripts, image sequences, devices and
# network formats are left out on purpose: a video file must never make restyle open anything else.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "ogg", "asf", "mxf",
    "gif", "yuv4mpegpipe", "dv", "ivf", "nut", "wtv", "h264", "hevc", "m4v", "obu",
)  # fmt: skip

# Decoders of codecs in real use; the many that only games and dead devices need are a risk without a use.
VIDEO_DECODERS = (
    "h264", "hevc", "vvc", "av1", "libdav1d", "vp6", "vp6f", "vp8", "vp9", "libvpx", "libvpx-vp9", "mpeg1video",
    "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "h263", "h263p", "flv", "wmv1", "wmv2", "wmv3", "vc1",
    "theora", "mjpeg", "jpeg2000", "prores", "dnxhd", "cfhd", "dvvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo",
    "magicyuv", "hap", "rawvideo", "v210", "qtrle", "png", "gif", "cinepak", "svq1", "svq3",
)  # fmt: skip

# Opened only to learn a stream's parameters while probing.
AUDIO_DECODERS = (
    "aac", "aac_latm", "mp3float", "mp3", "mp2float", "mp2", "ac3", "eac3", "dca", "truehd", "mlp", "opus", "libopus",
    "vorbis", "libvorbis", "flac", "alac", "wmav1", "wmav2", "wmapro", "wmalossless", "pcm_s16le", "pcm_s16be",
    "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_u8", "pcm_s8",
    "pcm_mulaw", "pcm_alaw", "pcm_bluray", "pcm_dvd", "adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "amrnb", "amrwb",
    "gsm", "speex",
)  # fmt: skip
