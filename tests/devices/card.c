/* A sound card of alsa-lib that takes exactly the formats it is given, as `hw` of a real one does.
 *
 * pcm.NAME { type fabricated formats "S16_LE S32_LE" channels "2 8" rates "48000" outfile "/path" }
 *
 * What is captured on channel N (from 0) is 1000 * (N + 1) in 16 bits, with other bits below them where the
 * format has more. What is played is written to the outfile as it is. There is no clock. */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <string.h>

#define MOST 16

typedef struct {
	snd_pcm_ioplug_t io;
	int out;
	snd_pcm_uframes_t moved;
} card_t;

static int start(snd_pcm_ioplug_t *io) { (void)io; return 0; }

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io)
{
	card_t *card = io->private_data;
	/* A capture always has half a ring ready, a playback has always played everything. */
	snd_pcm_uframes_t ahead = io->stream == SND_PCM_STREAM_CAPTURE ? io->buffer_size / 2 : 0;
	return (card->moved + ahead) % io->buffer_size;
}

static int prepare(snd_pcm_ioplug_t *io) { ((card_t *)io->private_data)->moved = 0; return 0; }

static void put(unsigned char *to, snd_pcm_format_t format, int value)
{
	int wide = value * 65536 + 0x5a5a;
	float real = value / 32768.0f;
	switch (format) {
	case SND_PCM_FORMAT_U8: to[0] = (value >> 8) + 128; break;
	case SND_PCM_FORMAT_S8: to[0] = value >> 8; break;
	case SND_PCM_FORMAT_S16_LE: memcpy(to, &value, 2); break;
	case SND_PCM_FORMAT_S24_3LE: wide >>= 8; memcpy(to, &wide, 3); break;
	case SND_PCM_FORMAT_S24_LE: wide >>= 8; memcpy(to, &wide, 4); break;
	case SND_PCM_FORMAT_S32_LE: memcpy(to, &wide, 4); break;
	case SND_PCM_FORMAT_FLOAT_LE: memcpy(to, &real, 4); break;
	default: break;
	}
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
				  snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
	card_t *card = io->private_data;
	int width = snd_pcm_format_physical_width(io->format) / 8;
	for (snd_pcm_uframes_t frame = offset; frame < offset + size; frame++)
		for (unsigned channel = 0; channel < io->channels; channel++) {
			unsigned char *at = (unsigned char *)areas[channel].addr +
				(areas[channel].first + areas[channel].step * frame) / 8;
			if (io->stream == SND_PCM_STREAM_CAPTURE)
				put(at, io->format, 1000 * (channel + 1));
			else if (card->out >= 0 && write(card->out, at, width) != width)
				return -EIO;
		}
	card->moved += size;
	return size;
}

static int end(snd_pcm_ioplug_t *io)
{
	card_t *card = io->private_data;
	if (card->out >= 0)
		close(card->out);
	free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = start, .stop = start, .pointer = pointer, .prepare = prepare, .transfer = transfer, .close = end,
};

static int limit(snd_pcm_ioplug_t *io, int what, const char *words)
{
	unsigned values[MOST], n = 0;
	char copy[256], *word, *rest = copy;
	strncpy(copy, words, sizeof copy - 1);
	copy[sizeof copy - 1] = 0;
	while ((word = strsep(&rest, " ")) && n < MOST)
		values[n++] = what == SND_PCM_IOPLUG_HW_FORMAT ? (unsigned)snd_pcm_format_value(word) : (unsigned)atoi(word);
	return snd_pcm_ioplug_set_param_list(io, what, n, values);
}

SND_PCM_PLUGIN_DEFINE_FUNC(fabricated)
{
	const char *formats = "", *channels = "", *rates = "", *outfile = NULL;
	snd_config_iterator_t i, next;
	(void)root;
	snd_config_for_each(i, next, conf) {
		snd_config_t *node = snd_config_iterator_entry(i);
		const char *id, **where = NULL;
		if (snd_config_get_id(node, &id) < 0)
			continue;
		if (!strcmp(id, "formats")) where = &formats;
		else if (!strcmp(id, "channels")) where = &channels;
		else if (!strcmp(id, "rates")) where = &rates;
		else if (!strcmp(id, "outfile")) where = &outfile;
		if (where)
			snd_config_get_string(node, where);
	}
	card_t *card = calloc(1, sizeof *card);
	if (!card)
		return -ENOMEM;
	card->out = outfile ? open(outfile, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "a fabricated card";
	card->io.callback = &callbacks;
	card->io.private_data = card;
	card->io.poll_fd = open("/dev/null", O_RDWR);  /* always ready */
	card->io.poll_events = stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
	int err = snd_pcm_ioplug_create(&card->io, name, stream, mode);
	if (err < 0)
		return err;
	unsigned access[] = { SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED };
	if ((err = snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_ACCESS, 2, access)) < 0 ||
	    (err = limit(&card->io, SND_PCM_IOPLUG_HW_FORMAT, formats)) < 0 ||
	    (err = limit(&card->io, SND_PCM_IOPLUG_HW_CHANNELS, channels)) < 0 ||
	    (err = limit(&card->io, SND_PCM_IOPLUG_HW_RATE, rates)) < 0 ||
	    (err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64)) < 0) {
		snd_pcm_ioplug_delete(&card->io);
		return err;
	}
	*pcmp = card->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_SYMBOL(fabricated);
